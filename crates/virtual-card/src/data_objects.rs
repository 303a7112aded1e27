//! GET DATA and PUT DATA (SP 800-73-4 Part 2, 3.1.2 and 3.3.1).
//!
//! ```text
//! 00 CB 3F FF   5C tag                      53 content, or the discovery object as it is
//! 00 DB 3F FF   5C tag  53 content          with the management key; no content takes the object away
//!               7E content, 7F61 content    discovery object, biometric information templates
//! ```

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

use crate::behaviour::GuidHabit;
use crate::card::{Command, VirtualCard};
use crate::objects::{self, ReadAccess};
use crate::{Slot, chuid, storage};

impl VirtualCard {
    /// SP 800-73-4 Part 2, 3.1.2.
    pub(crate) fn get_data(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if (command.p1, command.p2) != (0x3f, 0xff) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let tag = tlv::single(&command.data, TAG_LIST).map_err(|_| StatusWord::INCORRECT_DATA)?;
        let tag = objects::tag_of(tag).ok_or(StatusWord::INCORRECT_DATA)?;
        match self.access(tag) {
            None => return Err(StatusWord::NOT_FOUND),
            Some(ReadAccess::Pin) if !self.user_is_verified() => {
                return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
            }
            Some(_) => {}
        }
        match self.presented(tag) {
            Some(content) => Ok(objects::wrap(tag, &content)),
            None if self.behaviour.empty_slot_is_ok => Ok(Vec::new()),
            None => Err(StatusWord::NOT_FOUND),
        }
    }

    /// Who may read an object; `None` if this card has no place for it.
    fn access(&self, tag: Tag) -> Option<ReadAccess> {
        let hidden = Slot::retired().filter(|slot| !self.behaviour.has_slot(*slot)).any(|s| s.certificate_tag() == tag);
        match objects::read_access(tag) {
            Some(access) => Some(access).filter(|_| !hidden),
            None => (objects::is_yubico(tag) && self.behaviour.firmware().is_some()).then_some(ReadAccess::Always),
        }
    }

    /// An object's content as this card tells it, which need not be how it is kept.
    fn presented(&self, tag: Tag) -> Option<Vec<u8>> {
        let habits = &self.behaviour;
        let content = self.content.object(tag).map(<[u8]>::to_vec);
        match tag {
            objects::DISCOVERY if !habits.has_discovery => None,
            objects::DISCOVERY => habits.pin_usage_policy.map(objects::discovery).or(content),
            objects::KEY_HISTORY if !habits.has_key_history => None,
            objects::KEY_HISTORY => habits.key_history.map(|(on, off)| objects::key_history(on, off)).or(content),
            objects::CHUID if habits.guid == GuidHabit::Absent => content.map(|chuid| chuid::with_guid(&chuid, None)),
            objects::CHUID if habits.guid == GuidHabit::Zero => {
                content.map(|chuid| chuid::with_guid(&chuid, Some([0; 16].into())))
            }
            _ if objects::is_certificate(tag) => {
                content.map(|object| storage::presented(&object, &habits.certificates))
            }
            _ => content,
        }
    }

    /// SP 800-73-4 Part 2, 3.3.1. The content is not looked at.
    pub(crate) fn put_data(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if (command.p1, command.p2) != (0x3f, 0xff) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        self.require_administrator()?;
        let (tag, content) = parse_put(&command.data).ok_or(StatusWord::INCORRECT_DATA)?;
        if self.access(tag).is_none() {
            return Err(StatusWord::NOT_FOUND);
        }
        if content.len() > self.behaviour.max_object {
            return Err(NOT_ENOUGH_MEMORY);
        }
        let content = content.to_vec();
        self.change(|card| {
            if content.is_empty() {
                card.objects.remove(&tag);
            } else {
                card.objects.insert(tag, content);
            }
        })?;
        Ok(Vec::new())
    }
}

fn parse_put(data: &[u8]) -> Option<(Tag, &[u8])> {
    let mut objects = tlv::Reader::new(data);
    let first = objects.next()?.ok()?;
    if first.tag != TAG_LIST {
        let known = first.tag == objects::DISCOVERY || first.tag == objects::BIOMETRIC_TEMPLATES;
        return (known && objects.rest().is_empty()).then_some((first.tag, first.value));
    }
    let content = objects.next()?.ok()?;
    let complete = content.tag == CONTENT && objects.rest().is_empty();
    Some((objects::tag_of(first.value)?, content.value)).filter(|_| complete)
}

const TAG_LIST: Tag = Tag(0x5c);
const CONTENT: Tag = Tag(0x53);
const NOT_ENOUGH_MEMORY: StatusWord = StatusWord(0x6a84);
