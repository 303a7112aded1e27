//! The contents of the CHUID (SP 800-73-4 Part 1, 3.1.2 and table 9) for a card that no federal agency issued.
//!
//! ```text
//! 30 19  FASC-N 9999-9999-999999, credential 0 1, 0000000000, 3 0000 1: "not federal"
//! 34 10  GUID, random (RFC 9562 version 4)
//! 35 08  expiration date, YYYYMMDD in ASCII
//! 3E 00  no signature
//! FE 00  error detection code, empty
//! ```
//!
//! macOS makes no token of a card whose CHUID is missing or has no GUID. The FASC-N is the one that Yubico's tools write.

use time::Date;

use crate::{Error, tlv};

/// A new CHUID with a random GUID: 59 bytes. Dates beyond the year 9999 do not exist here.
///
/// # Errors
///
/// [`Error::Random`].
pub fn fresh(expires: Date) -> Result<Vec<u8>, Error> {
    let mut guid = [0; 16];
    getrandom::fill(&mut guid).map_err(|error| Error::Random(error.into()))?;
    // RFC 9562, 5.4: version 4, variant 10.
    guid[6] = (guid[6] & 0x0f) | 0x40;
    guid[8] = (guid[8] & 0x3f) | 0x80;
    let date = format!("{:04}{:02}{:02}", expires.year(), u8::from(expires.month()), expires.day());
    let fields = [(0x30, &FASC_N[..]), (0x34, &guid), (0x35, date.as_bytes()), (0x3e, &[]), (0xfe, &[])];
    Ok(fields.into_iter().flat_map(|(tag, value)| tlv::encode(tag, value)).collect())
}

/// S9999F9999F999999F0F1F0000000000300001E and its check digit, each digit in four bits, least significant first, and one
/// bit of odd parity (TIG SCEPACS 2.3, section 6).
const FASC_N: [u8; 25] = fasc_n(*b"S9999F9999F999999F0F1F0000000000300001E");

/// Packs 39 digits and appends the fortieth, the exclusive or of all of them.
#[allow(clippy::indexing_slicing)] // Computed by the compiler, which would say so.
const fn fasc_n(digits: [u8; 39]) -> [u8; 25] {
    let mut packed = [0; 25];
    let mut check = 0;
    let mut at = 0;
    while at < 40 {
        let digit = if at == 39 {
            check
        } else {
            match digits[at] {
                b'S' => 0b1011,
                b'F' => 0b1101,
                b'E' => 0b1111,
                digit => digit - b'0',
            }
        };
        check ^= digit;
        let mut bit = 0;
        let mut parity = 1;
        while bit < 5 {
            let value = if bit < 4 { digit >> bit & 1 } else { parity };
            parity ^= value;
            let place = at * 5 + bit;
            packed[place / 8] |= value << (7 - place % 8);
            bit += 1;
        }
        at += 1;
    }
    packed
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    /// The bytes that ykman 5.9.2 and the crate yubikey write.
    #[test]
    fn the_fasc_n_is_the_one_of_yubicos_tools() {
        assert_eq!(hex::encode(FASC_N), "d4e739da739ced39ce739d836858210842108421c84210c3eb");
    }

    #[test]
    fn each_chuid_has_its_own_guid() {
        let one = fresh(date!(2036 - 11 - 20)).unwrap();
        let other = fresh(date!(2036 - 11 - 20)).unwrap();
        assert_eq!(one.len(), 59);
        assert_eq!(tlv::find(&one, 0x35), Some(&b"20361120"[..]));
        assert_ne!(tlv::find(&one, 0x34), tlv::find(&other, 0x34));
    }
}
