//! Cuts a stream of bytes into lines of bounded length. Pure: no reading, no files.

/// What a stream consists of. Newlines, and a carriage return before one, belong to no piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A line of allowed length.
    Whole(Vec<u8>),
    /// The next part of a longer line. The first part has about the allowed length; none is cut inside a character.
    Part(Vec<u8>),
    /// The longer line is complete.
    End,
}

/// Remembers the line that is not complete yet.
#[derive(Debug)]
pub(super) struct LineCutter {
    longest: usize,
    pending: Vec<u8>,
    /// Parts of the pending line have been given out already.
    within: bool,
}

impl LineCutter {
    /// Lines of up to `longest` bytes are whole.
    pub(super) fn new(longest: usize) -> Self {
        Self { longest: longest.max(4), pending: Vec::new(), within: false }
    }

    /// Takes the next bytes of the stream and gives out what they complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut give: impl FnMut(Piece)) {
        while let Some(newline) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..newline], &mut give);
            self.end_line(&mut give);
            bytes = &bytes[newline + 1..];
        }
        self.take(bytes, &mut give);
    }

    /// The stream has ended: what is left is a line even without its newline.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Piece)) {
        if self.within || !self.pending.is_empty() {
            self.end_line(&mut give);
        }
    }

    fn take(&mut self, bytes: &[u8], give: &mut impl FnMut(Piece)) {
        self.pending.extend_from_slice(bytes);
        // One more than allowed, which may be the carriage return of a line that is just as long as allowed.
        while self.pending.len() > self.longest + 1 {
            let rest = self.pending.split_off(character_boundary(&self.pending, self.longest));
            give(Piece::Part(std::mem::replace(&mut self.pending, rest)));
            self.within = true;
        }
    }

    fn end_line(&mut self, give: &mut impl FnMut(Piece)) {
        let mut line = std::mem::take(&mut self.pending);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !self.within && line.len() <= self.longest {
            give(Piece::Whole(line));
            return;
        }
        give(Piece::Part(line));
        give(Piece::End);
        self.within = false;
    }
}

/// The nearest place at or before `at` that is not inside a UTF-8 character. Bytes that are no UTF-8 at all are cut
/// anywhere.
pub(super) fn character_boundary(bytes: &[u8], at: usize) -> usize {
    let continues =
        |index: usize| bytes.get(index).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (at.saturating_sub(3)..=at).rev().find(|index| !continues(*index)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{LineCutter, Piece};

    fn cut(longest: usize, chunks: &[&[u8]]) -> Vec<Piece> {
        let mut cutter = LineCutter::new(longest);
        let mut pieces = Vec::new();
        for chunk in chunks {
            cutter.push(chunk, |piece| pieces.push(piece));
        }
        cutter.finish(|piece| pieces.push(piece));
        pieces
    }

    fn whole(text: &str) -> Piece {
        Piece::Whole(text.as_bytes().to_vec())
    }

    fn part(text: &str) -> Piece {
        Piece::Part(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_are_put_together_across_reads() {
        let pieces = cut(100, &[b"on", b"e\r\n\ntw", b"o\nthree"]);
        assert_eq!(pieces, [whole("one"), whole(""), whole("two"), whole("three")]);
    }

    #[test]
    fn a_line_longer_than_allowed_comes_in_parts_that_never_split_a_character() {
        let pieces = cut(5, &["aaaaé".as_bytes(), "éb\nccccc\r\n".as_bytes()]);
        assert_eq!(pieces, [part("aaaa"), part("ééb"), Piece::End, whole("ccccc")]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_however_the_stream_is_read(
            stream in proptest::collection::vec(proptest::sample::select(b"ab\n\xc3\xa9".to_vec()), 0..200),
            chunk in 1usize..20,
            longest in any::<u8>(),
        ) {
            let chunks: Vec<&[u8]> = stream.chunks(chunk).collect();
            let mut joined = Vec::new();
            for piece in cut(usize::from(longest % 16), &chunks) {
                match piece {
                    Piece::Whole(line) => { joined.extend(line); joined.push(b'\n'); }
                    Piece::Part(part) => joined.extend(part),
                    Piece::End => joined.push(b'\n'),
                }
            }
            let mut expected = stream;
            if expected.last().is_some_and(|byte| *byte != b'\n') { expected.push(b'\n'); }
            assert_eq!(joined, expected);
        }
    }
}
