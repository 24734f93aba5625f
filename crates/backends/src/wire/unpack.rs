//! Decompression of request bodies with a bound on the result.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// A body that was not decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnpackError {
    /// It would have more bytes than allowed: the size that it announces, or one byte more than allowed if it
    /// announces none.
    #[error("decompressed body of {0} bytes is too large")]
    TooLarge(usize),
    /// It is not in the format; the decoder's message.
    #[error("{0}")]
    Malformed(String),
}

/// Decompresses gzip to at most `limit` bytes.
///
/// # Errors
/// [`UnpackError`]
pub(crate) fn gzip(body: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    bounded(MultiGzDecoder::new(body), limit)
}

/// Decompresses raw deflate to at most `limit` bytes.
///
/// # Errors
/// [`UnpackError`]
pub(crate) fn deflate(body: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    bounded(DeflateDecoder::new(body), limit)
}

fn bounded(decoder: impl Read, limit: usize) -> Result<Vec<u8>, UnpackError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut unpacked = Vec::new();
    decoder
        .take(most)
        .read_to_end(&mut unpacked)
        .map_err(|error| UnpackError::Malformed(error.to_string()))?;
    match unpacked.len() {
        size if size > limit => Err(UnpackError::TooLarge(size)),
        _ => Ok(unpacked),
    }
}

/// The size that a snappy block announces, at most `limit`.
///
/// # Errors
/// [`UnpackError`]
pub(crate) fn snappy_size(body: &[u8], limit: usize) -> Result<usize, UnpackError> {
    match snap::raw::decompress_len(body) {
        Ok(size) if size > limit => Err(UnpackError::TooLarge(size)),
        Ok(size) => Ok(size),
        Err(error) => Err(UnpackError::Malformed(error.to_string())),
    }
}

/// Decompresses a snappy block to at most `limit` bytes. Nothing is allocated for a block that announces more.
///
/// # Errors
/// [`UnpackError`]
pub(crate) fn snappy(body: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    snappy_size(body, limit)?;
    snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(|error| UnpackError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn each_format_is_bounded() {
        let zeros = vec![0; 100_000];
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(&zeros).expect("into memory");
        let gz = gz.finish().expect("into memory");
        let block = snap::raw::Encoder::new()
            .compress_vec(&zeros)
            .expect("short");
        assert_eq!(gzip(&gz, 100_000).as_ref(), Ok(&zeros));
        assert_eq!(gzip(&gz, 99_999), Err(UnpackError::TooLarge(100_000)));
        assert_eq!(gzip(&gz, 10), Err(UnpackError::TooLarge(11)));
        assert_eq!(snappy(&block, 100_000).as_ref(), Ok(&zeros));
        assert_eq!(snappy(&block, 10), Err(UnpackError::TooLarge(100_000)));
        for broken in [
            gzip(b"no", 10),
            deflate(&[0xff; 4], 10),
            snappy(&[0xff; 20], 10),
        ] {
            assert!(matches!(broken, Err(UnpackError::Malformed(_))));
        }
    }
}
