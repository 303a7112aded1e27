//! The contents of the objects that name a card.

use time::{Date, Duration};

use super::ProvisionError;

/// A random GUID (RFC 9562, version 4).
pub(super) fn guid() -> Result<[u8; 16], ProvisionError> {
    let mut guid: [u8; 16] = random()?;
    guid[6] = (guid[6] & 0x0f) | 0x40;
    guid[8] = (guid[8] & 0x3f) | 0x80;
    Ok(guid)
}

/// A CHUID with this GUID that expires in ten years.
pub(super) fn chuid(guid: [u8; 16], today: Date) -> Vec<u8> {
    let end = today.saturating_add(Duration::days(3652));
    let end = format!("{:04}{:02}{:02}", end.year(), u8::from(end.month()), end.day());
    let end = <[u8; 8]>::try_from(end.as_bytes()).unwrap_or(*b"99991231");
    piv::Chuid::encode(&guid, &end)
}

/// A card capability container with a random card number.
pub(super) fn ccc() -> Result<Vec<u8>, ProvisionError> {
    Ok(piv::Ccc::encode(&random()?))
}

fn random<const N: usize>() -> Result<[u8; N], ProvisionError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| provision::Error::Random(error.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn each_card_gets_a_guid_of_its_own() {
        let (one, other) =
            (chuid(guid().unwrap(), date!(2026 - 11 - 20)), chuid(guid().unwrap(), date!(2026 - 11 - 20)));
        let read = |contents: &[u8]| piv::Chuid::parse(contents).unwrap().guid.unwrap();
        assert_ne!(read(&one), read(&other));
        assert_eq!((read(&one)[6] >> 4, read(&one)[8] >> 6), (4, 2));
        assert!(one.windows(8).any(|part| part == b"20361119"), "{}", hex::encode(one));
    }
}
