//! The contents of a certificate object (SP 800-73-4 Part 1, table 10): 70 the certificate, 71 CertInfo, FE nothing.

use crate::tlv;

/// A certificate in DER as the contents of its object, not compressed.
#[must_use]
pub fn encode(certificate: &[u8]) -> Vec<u8> {
    [tlv::encode(0x70, certificate), tlv::encode(0x71, &[0]), tlv::encode(0xfe, &[])].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_in_order() {
        assert_eq!(encode(&[0x30, 0x00]), [0x70, 2, 0x30, 0, 0x71, 1, 0, 0xfe, 0]);
    }
}
