//! The arguments of `pivkit doctor`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use pivkit::System;

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Explain what each login module makes of the certificate in this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) cert: Option<PathBuf>,
    /// The account that the certificate is to open
    #[arg(long, short, requires = "cert", value_hint = ValueHint::Username)]
    pub(crate) user: Option<String>,
    /// Look at this folder (with its own etc/passwd) instead of the live system
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
}

impl Doctor {
    pub(crate) fn system(&self) -> System {
        match &self.root {
            Some(root) => System::root(root),
            None => System::live(),
        }
    }
}
