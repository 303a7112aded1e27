//! The accounts of a system at one moment, for those who look up many.

use std::sync::Arc;

use crate::passwd::Passwd;
use crate::{Account, AccountName, Error, System};

/// The accounts of a system. etc/passwd was read once, and an account that it lists is found without another look.
#[derive(Debug, Clone)]
pub struct AccountTable {
    system: System,
    passwd: Arc<Passwd>,
}

impl AccountTable {
    pub(crate) fn new(system: System, passwd: Arc<Passwd>) -> Self {
        AccountTable { system, passwd }
    }

    /// Looks an account up: in etc/passwd, and on the live system also through its name services where that does not list
    /// it. So accounts of a directory service cost a question each.
    ///
    /// # Errors
    ///
    /// [`Error::AccountNotFound`], and on the live system those of [`System::account`].
    pub fn account(&self, name: &AccountName) -> Result<Account, Error> {
        match self.passwd.named(name) {
            Some(account) => Ok(account.clone()),
            None if self.system.tree().is_some() => Err(Error::AccountNotFound { name: name.to_string() }),
            None => self.system.account(name),
        }
    }
}
