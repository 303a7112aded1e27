//! The person at the other end, as the use cases see them.

use piv::{Pin, Puk};
use secrecy::SecretString;

use crate::report::{ChangeReport, IdentityOffer};

/// Asks and tells. The command line implements it on a terminal; another program may implement it in its own way.
pub trait Ui {
    /// Tells something that matters while the work goes on ("waiting for the card").
    fn note(&mut self, message: &str);

    /// Shows what is about to change and asks for consent.
    ///
    /// # Errors
    ///
    /// [`UiError::Unanswered`] when nobody can be asked, [`UiError::Interrupted`].
    fn confirm(&mut self, plan: &[String], question: &str) -> Result<bool, UiError>;

    /// Lets one of several `options` be chosen; returns its index.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`].
    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, UiError>;

    /// True if [`Ui::confirm`] gives consent without asking.
    fn consent_given(&self) -> bool {
        false
    }

    /// True if a person is there who can be led step by step: waited for, and asked again after a wrong answer.
    fn is_attended(&self) -> bool {
        false
    }

    /// Tells that the work goes on when a card is inserted: `wanted` says which, and is empty if any will do. Called again when
    /// a reader comes or goes. Only where a person [is there](Ui::is_attended).
    fn wait_for_card(&mut self, has_reader: bool, wanted: &str) {
        let wanted = if wanted.is_empty() { "your card".to_owned() } else { format!("the card {wanted}") };
        let before = if has_reader { "" } else { "connect a reader and " };
        self.note(&format!("{before}insert {wanted}"));
    }

    /// Shows the identities on the card in `reader`, and which of them can be paired. Only where a person
    /// [is there](Ui::is_attended).
    fn show_identities(&mut self, reader: &str, identities: &[IdentityOffer]) {
        self.note(&format!("{} identities on the card in {reader}", identities.len()));
    }

    /// Tells of a pairing that was made while more work is to come.
    fn show_paired(&mut self, report: &ChangeReport) {
        self.note(&format!("paired: account {} now opens with {}", report.user, report.pairing_hashes.join(", ")));
    }

    /// Asks for the name of an account.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`].
    fn account(&mut self) -> Result<String, UiError> {
        Err(UiError::Unanswered { question: "which account is meant".to_owned(), flag: "--user" })
    }

    /// The PIN, if it is at hand without asking a person. Then the card can do all that is asked of it in one session, with
    /// fewer commands; [`Ui::pin`] is not called any more.
    ///
    /// # Errors
    ///
    /// As [`Ui::pin`].
    fn pin_at_hand(&mut self) -> Result<Option<Pin>, UiError> {
        Ok(None)
    }

    /// Asks for the PIN of the card in `reader`.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`]; [`UiError::Pin`] if what was given is no PIN; [`UiError::Source`] if its source cannot be read.
    fn pin(&mut self, reader: &str) -> Result<Pin, UiError>;

    /// Asks for the password of `user` at the identity provider.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`]; [`UiError::Source`] if its source cannot be read.
    fn password(&mut self, _user: &str) -> Result<SecretString, UiError> {
        Err(UiError::Unanswered { question: "the password".to_owned(), flag: "--password-file or --password-stdin" })
    }

    /// Asks for the new PIN of the card in `reader`; a person has to give it twice.
    ///
    /// # Errors
    ///
    /// As [`Ui::pin`]; [`UiError::Unequal`].
    fn new_pin(&mut self, _reader: &str) -> Result<Pin, UiError> {
        Err(UiError::Unanswered { question: "the new PIN".to_owned(), flag: "--new-pin-file" })
    }

    /// Asks for the PUK of the card in `reader`.
    ///
    /// # Errors
    ///
    /// As [`Ui::pin`]; [`UiError::Puk`].
    fn puk(&mut self, _reader: &str) -> Result<Puk, UiError> {
        Err(UiError::Unanswered { question: "the PUK".to_owned(), flag: "--puk-file" })
    }

    /// Asks for the new PUK of the card in `reader`; a person has to give it twice.
    ///
    /// # Errors
    ///
    /// As [`Ui::puk`]; [`UiError::Unequal`].
    fn new_puk(&mut self, _reader: &str) -> Result<Puk, UiError> {
        Err(UiError::Unanswered { question: "the new PUK".to_owned(), flag: "--new-puk-file" })
    }

    /// Shows what cannot be undone, and has a person type the name of what is concerned. Returns what was typed.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`].
    fn type_name(&mut self, _plan: &[String], question: &str) -> Result<String, UiError> {
        Err(UiError::Unanswered { question: question.to_owned(), flag: "--confirm" })
    }
}

/// Why a person did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UiError {
    /// Questions are not allowed, or there is no terminal.
    #[error("{question} cannot be asked here")]
    Unanswered {
        /// What would have been asked.
        question: String,
        /// The flag that answers it.
        flag: &'static str,
    },
    /// The person pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// What was given is not a PIN.
    #[error("that is no PIN")]
    Pin(#[source] piv::Error),
    /// What was given is not a PUK.
    #[error("that is no PUK")]
    Puk(#[source] piv::Error),
    /// What was given is not a management key.
    #[error("that is no management key")]
    ManagementKey(#[source] piv::Error),
    /// What was to be given twice was not the same both times.
    #[error("the two entries of {what} differ")]
    Unequal {
        /// What was asked for.
        what: &'static str,
    },
    /// The file or stream that should give a secret cannot be used.
    #[error("{what} cannot be read from {from}: {why}")]
    Source {
        /// What should be read: `the PIN`.
        what: &'static str,
        /// Which file or stream.
        from: String,
        /// What is wrong.
        why: String,
        /// What the system said.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The terminal failed.
    #[error("the terminal failed")]
    Terminal(#[source] std::io::Error),
}
