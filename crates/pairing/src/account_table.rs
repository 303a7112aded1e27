//! The accounts of a system at one moment, for those who look up many.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::passwd::Passwd;
use crate::{Account, AccountName, Error, System};

/// The accounts of a system. They were read once, and those that were listed then are found without another look.
#[derive(Debug, Clone)]
pub struct AccountTable(Source);

#[derive(Debug, Clone)]
enum Source {
    /// etc/passwd, and on the live system its name services for others.
    Passwd(System, Arc<Passwd>),
    /// These and no others.
    These(Arc<BTreeMap<AccountName, Account>>),
}

impl AccountTable {
    pub(crate) fn new(system: System, passwd: Arc<Passwd>) -> Self {
        AccountTable(Source::Passwd(system, passwd))
    }

    /// Exactly these accounts.
    pub fn of(accounts: impl IntoIterator<Item = Account>) -> Self {
        let named = accounts.into_iter().map(|account| (account.name.clone(), account));
        AccountTable(Source::These(Arc::new(named.collect())))
    }

    /// Looks an account up: in etc/passwd, and on the live system also through its name services where that does not list
    /// it. So accounts of a directory service cost a question each.
    ///
    /// # Errors
    ///
    /// [`Error::AccountNotFound`], and on the live system those of [`System::account`].
    pub fn account(&self, name: &AccountName) -> Result<Account, Error> {
        let not_found = || Error::AccountNotFound { name: name.to_string() };
        let (system, passwd) = match &self.0 {
            Source::Passwd(system, passwd) => (system, passwd),
            Source::These(accounts) => return accounts.get(name).cloned().ok_or_else(not_found),
        };
        match passwd.named(name) {
            Some(account) => Ok(account.clone()),
            None if system.tree().is_some() => Err(not_found()),
            None => system.account(name),
        }
    }
}
