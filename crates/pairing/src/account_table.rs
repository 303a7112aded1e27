//! The accounts of a system at one moment, for those who look up many.

use std::sync::Arc;

use crate::passwd::Passwd;
use crate::{Account, AccountName, Error, System};

/// The accounts of a system. etc/passwd, or the directory of a Mac, was read once, and an account that it lists is found without
/// another look.
#[derive(Debug, Clone)]
pub struct AccountTable {
    /// Where to ask for others; `None` if there are none.
    system: Option<System>,
    passwd: Arc<Passwd>,
}

impl AccountTable {
    pub(crate) fn new(system: System, passwd: Arc<Passwd>) -> Self {
        AccountTable { system: Some(system), passwd }
    }

    /// These accounts, and no others.
    pub(crate) fn of(accounts: impl Iterator<Item = Account>) -> Self {
        AccountTable { system: None, passwd: Arc::new(Passwd::of(accounts)) }
    }

    /// Looks an account up: in etc/passwd, and on the live system also through its name services where that does not list
    /// it. So accounts of a directory service cost a question each.
    ///
    /// # Errors
    ///
    /// [`Error::AccountNotFound`], and on the live system those of [`System::account`].
    pub fn account(&self, name: &AccountName) -> Result<Account, Error> {
        let live = self.system.as_ref().filter(|system| system.tree().is_none());
        match (self.passwd.named(name), live) {
            (Some(account), _) => Ok(account.clone()),
            (None, Some(system)) => system.account(name),
            (None, None) => Err(Error::AccountNotFound { name: name.to_string() }),
        }
    }
}
