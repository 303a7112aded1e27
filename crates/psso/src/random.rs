//! Fresh identifiers and keys.

use uuid::{Builder, Uuid};

use crate::Error;

/// A random UUID (RFC 9562 5.4) in upper case, as macOS writes its nonces and request ids.
pub(crate) fn uuid() -> Result<String, Error> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    let uuid = Builder::from_random_bytes(bytes).into_uuid();
    Ok(uuid.hyphenated().encode_upper(&mut Uuid::encode_buffer()).to_owned())
}

/// Fills a buffer with random bytes.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| {
        Error::crypto("the operating system gave no random bytes", jose::Error::Random(Box::new(error)))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn upper_case_and_fresh() {
        let (one, two) = (super::uuid().unwrap(), super::uuid().unwrap());
        assert_ne!(one, two);
        assert_eq!((one.len(), one.to_uppercase()), (36, one.clone()));
        assert_eq!(&one[14..15], "4", "version 4");
    }
}
