//! What stays when a certificate is taken out of the digest mapper's file: the other mappers in use are asked as well.

use identity::text::escape_control;
use identity::{Certificate, PairingHash};

use super::{Explanation, PamPkcs11, explain};
use crate::pam_p11::PamP11;
use crate::{Account, Backend, Note, Pairings, Request, Selection};

impl PamPkcs11 {
    /// A note for each other mapper that opens the account for what is to be unpaired, or may. Without a certificate most
    /// mappers cannot be asked, and then they may.
    pub(super) fn other_mappers(&self, account: &Account, request: &Request) -> Vec<Note> {
        let (Request::Unpair(old) | Request::Replace { old, .. }) = request else { return Vec::new() };
        let mut notes = match old {
            Selection::Certificate(certificate) => self.for_certificate(account, certificate),
            Selection::Hash(hash) => self.for_keys(account, Some(hash)),
            Selection::All => self.for_keys(account, None),
        };
        notes.dedup();
        notes
    }

    fn for_certificate(&self, account: &Account, certificate: &Certificate) -> Vec<Note> {
        let explained = explain::others(&self.system, &self.configuration, certificate, account).into_iter();
        let open = explained.filter(|explanation| explanation.opens != Some(false));
        open.map(|Explanation { mapper, opens, text }| self.note(&mapper, opens == Some(true), &text)).collect()
    }

    /// For one key, or for any.
    fn for_keys(&self, account: &Account, hash: Option<&PairingHash>) -> Vec<Note> {
        let home = || PamP11::new(self.system.clone()).pairings(account);
        let listed = |pairings: &Pairings| match hash {
            Some(hash) => pairings.is_listed(hash) || pairings.may_hold_more(),
            None => !pairings.entries.is_empty() || pairings.may_hold_more(),
        };
        let elsewhere = |pairings: &Pairings| {
            let mut keys = pairings.elsewhere.iter();
            keys.any(|key| hash.is_none_or(|hash| key.hash == *hash)) || pairings.may_hold_more()
        };
        let may = |mapper: &str| match mapper {
            "digest" => false,
            "null" => self.configuration.takes_everybody(),
            "opensc" => home().as_ref().map_or(true, listed),
            "openssh" => home().as_ref().map_or(true, elsewhere),
            _ => true,
        };
        let mappers = self.configuration.mappers().iter().filter(|mapper| may(mapper));
        mappers
            .map(|mapper| self.note(mapper, false, "`pivkit doctor --cert FILE` says for which certificate"))
            .collect()
    }

    fn note(&self, mapper: &str, is_certain: bool, text: &str) -> Note {
        Note::OtherMapper {
            path: self.configuration.path().to_owned(),
            mapper: escape_control(mapper).into_owned(),
            is_certain,
            text: escape_control(text).into_owned(),
        }
    }
}
