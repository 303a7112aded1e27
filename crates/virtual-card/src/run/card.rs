//! The card to run: the one that is kept, or a new one.
//!
//! ```text
//! kept?  no    a preset's, one of the ICAM set or a new one of the profile, with the PIN of the PIN file
//!        yes   that one, if it is the one asked for and has the profile and the PIN of the PIN file; else an error
//! then   what --load names goes on it, and the certificates are written beside it
//! ```

use std::collections::BTreeMap;

use virtual_card::{CardOptions, Content, Error, InitialPin, Profile, Quirk, Quirks, StateDirectory, VirtualCard};

use super::{Run, note};

/// Certificates in DER, by the names of their files.
type Certificates = BTreeMap<String, Vec<u8>>;

/// The file, without its ending, with the certificate that a YubiKey's attestations lead to.
const ATTESTATION_ROOT: &str = "attestation-root";

impl Run {
    pub(super) fn card(&self) -> Result<VirtualCard, Error> {
        let pin = self.pin_file.as_deref().map(InitialPin::from_file).transpose()?;
        let store = self.state.as_deref().map(StateDirectory::open).transpose()?;
        let kept = store.as_ref().map(StateDirectory::read).transpose()?.flatten();
        let is_kept = kept.is_some();
        let (mut content, mut certificates) = match (kept, &store) {
            (Some(content), Some(store)) => {
                self.check_kept(&content, store, pin.as_ref())?;
                (content, Certificates::new())
            }
            _ => self.new_card(pin.as_ref())?,
        };
        for request in &self.load {
            let tag = request.slot.certificate_tag();
            let before = content.object(tag).map(<[u8]>::to_vec);
            certificates.insert(request.slot.to_string(), request.apply(&mut content)?);
            if is_kept && before.is_some() && before.as_deref() != content.object(tag) {
                let file = request.certificate.display();
                note(&format!("slot {} of the kept card now has {file} and its key in place of its own", request.slot));
            }
        }
        let options = self.options(content.profile());
        let Some(store) = store else { return Ok(VirtualCard::new(content, options)) };
        // First: a card that is kept has its certificates beside it.
        for (name, certificate) in &certificates {
            store.write_certificate(name, certificate)?;
        }
        let card = VirtualCard::kept(content, options, store)?;
        for quirk in card.idle_quirks() {
            note(&format!("--quirk {quirk} is for new cards: the kept card stays as it is"));
        }
        if card.tries_left() == 0 {
            note(
                "the kept card's PIN is blocked; its PUK unblocks it, with `yubico-piv-tool --action unblock-pin` for example",
            );
        }
        Ok(card)
    }

    fn options(&self, profile: Profile) -> CardOptions {
        let mut quirks: Quirks = self.quirk.iter().flat_map(Quirks::iter).cloned().collect();
        if self.no_extended {
            quirks.insert(Quirk::NoExtended);
        }
        CardOptions { profile, quirks, touch: self.touch.unwrap_or_default(), ..CardOptions::default() }
    }

    /// A restart gives the same arguments again, and means the same card.
    fn check_kept(&self, content: &Content, store: &StateDirectory, pin: Option<&InitialPin>) -> Result<(), Error> {
        let path = || store.path().to_owned();
        if let Some(asked) = self.profile.filter(|profile| *profile != content.profile()) {
            return Err(Error::KeptProfile { path: path(), kept: content.profile(), asked });
        }
        if let Some(preset) = self.preset {
            let slots = preset.missing(content);
            if !slots.is_empty() {
                return Err(Error::KeptWithoutPreset { path: path(), preset, slots });
            }
        }
        if let Some(directory) = &self.load_icam
            && Content::icam(content.profile(), directory)?.guid() != content.guid()
        {
            return Err(Error::KeptOther { path: path(), directory: directory.clone() });
        }
        if pin.is_some_and(|pin| !content.has_pin(pin)) {
            return Err(Error::KeptPin { path: path() });
        }
        Ok(())
    }

    fn new_card(&self, pin: Option<&InitialPin>) -> Result<(Content, Certificates), Error> {
        let mut certificates = Certificates::new();
        let profile = self.profile.unwrap_or_default();
        let mut content = match (self.preset, &self.load_icam) {
            (None, None) => Content::factory(profile)?,
            (None, Some(directory)) => Content::icam(profile, directory)?,
            (Some(preset), _) => {
                let issued = preset.issue_for(profile)?;
                certificates.insert("ca".to_owned(), issued.ca_certificate);
                certificates.extend(issued.certificates.into_iter().map(|(slot, der)| (slot.to_string(), der)));
                issued.content
            }
        };
        if let Some(root) = content.attestation_root() {
            certificates.insert(ATTESTATION_ROOT.to_owned(), root.to_vec());
        }
        if let Some(pin) = pin {
            content.set_pin(pin);
        }
        Ok((content, certificates))
    }
}
