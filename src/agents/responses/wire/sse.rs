//! Server-sent events: bytes in, the data of whole events out.

/// Longest event, in bytes; a server that sends more is not spoken with any further.
const LONGEST: usize = 16 * 1024 * 1024;

/// A stream that can be read no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {LONGEST} bytes")]
pub(super) struct TooLong;

/// Takes a stream apart, wherever the network cut it.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_return: bool,
}

impl Decoder {
    /// Takes the next bytes; returns the data of every event that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes {
            match byte {
                // A line may end with CR, LF or both.
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => events.extend(self.end_of_line()),
                other => self.line.push(*other),
            }
            self.after_return = *byte == b'\r';
            if self.line.len() + self.data.len() > LONGEST {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    /// Takes the end of the stream; returns the data of a last event that no empty line followed.
    pub(super) fn finish(&mut self) -> Option<String> {
        if !self.line.is_empty() {
            let _only_at_empty_lines = self.end_of_line();
        }
        self.dispatch()
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&line[..], &[][..]),
        };
        if name == b"data" {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.has_data = true;
        }
        None
    }

    fn dispatch(&mut self) -> Option<String> {
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| String::from_utf8_lossy(&data).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Decoder, LONGEST, TooLong};

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut events: Vec<String> =
            chunks.iter().flat_map(|chunk| decoder.push(chunk).expect("short")).collect();
        events.extend(decoder.finish());
        events
    }

    #[test]
    fn events_are_found_in_every_way_of_writing_them() {
        let rows: [(&str, &[&str]); 7] = [
            ("event: a\ndata: {\"x\":1}\n\ndata: [DONE]\n\n", &["{\"x\":1}", "[DONE]"]),
            ("data:one\r\n\r\ndata: two\r\rdata:  three\n\n", &["one", "two", " three"]),
            (": a comment\n\ndata: a\ndata: b\n\n", &["a\nb"]),
            ("id: 7\nretry: 10\n\n", &[]),
            ("data\n\n", &[""]),
            ("data: not ended by an empty line\n", &["not ended by an empty line"]),
            ("data: not even by a line", &["not even by a line"]),
        ];
        for (text, expected) in rows {
            assert_eq!(decode(&[text.as_bytes()]), expected, "{text:?}");
        }
    }

    #[test]
    fn characters_cut_by_the_network_are_whole_again_and_wrong_ones_do_no_harm() {
        let text = "data: größer\n\n".as_bytes();
        assert_eq!(decode(&[&text[..9], &text[9..]]), ["größer"]);
        assert_eq!(decode(&[b"data: a\xFFb\n\n"]), ["a\u{FFFD}b"]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = Decoder::default();
        let megabyte = vec![b'x'; 1024 * 1024];
        let pushed = (0..=LONGEST / megabyte.len()).map(|_| decoder.push(&megabyte)).last();
        assert_eq!(pushed, Some(Err(TooLong)));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_network_cuts(
            texts in proptest::collection::vec("[a-zé {}:]{0,12}", 0..6),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
        ) {
            let stream: String = texts.iter().map(|text| format!("event: e\r\ndata: {text}\r\n\r\n")).collect();
            let bytes = stream.as_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            assert_eq!(decode(&chunks), texts);
        }
    }
}
