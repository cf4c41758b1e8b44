//! The streams to decode, generated deterministically, with the events that every decoder must
//! return.

use bytes::Bytes;

/// A stream, and the events in it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The name in the tables.
    pub name: &'static str,
    /// The bytes.
    pub bytes: Bytes,
    /// Type and data of every event.
    pub events: Vec<(String, String)>,
}

/// The text of a delta as written in JSON, and the padding that hides its length.
fn delta(number: usize, random: &mut Random) -> (String, String) {
    let word = match number % 20 {
        7 => " naïve".to_owned(),
        13 => "\\n\\n".to_owned(),
        _ => format!(" {}", random.word()),
    };
    let obfuscation = random.letters(16 - word.len().min(8));
    (word, obfuscation)
}

impl Workload {
    /// Creates `count` deltas of 262 bytes on average, in the form of `response.output_text.delta`;
    /// one in twenty has a letter outside of ASCII, one in twenty an escape.
    pub fn deltas(count: usize) -> Self {
        let mut random = Random::new(1);
        let item = "msg_68a1f02c9d5481a0b3c7e6f1d2a49b58067c3e1f5a2d4b96";
        let events = (0..count).map(|number| {
            let (word, obfuscation) = delta(number, &mut random);
            let data = format!(
                r#"{{"type":"response.output_text.delta","sequence_number":{},"item_id":"{item}","output_index":0,"content_index":0,"delta":"{word}","logprobs":[],"obfuscation":"{obfuscation}"}}"#,
                number + 4,
            );
            ("response.output_text.delta".to_owned(), data)
        });
        Self::new("deltas", events.collect(), |event, data| {
            format!("event: {event}\ndata: {data}\n\n")
        })
    }

    /// Creates the words of [`deltas`](Self::deltas) as `count` chunks of Chat Completions, of 216
    /// bytes on average.
    pub fn chat(count: usize) -> Self {
        let mut random = Random::new(1);
        let events = (0..count).map(|number| {
            let (word, obfuscation) = delta(number, &mut random);
            let data = format!(
                r#"{{"id":"chatcmpl-68a1f02c9d5481a0b3c7e6f1d2a4","object":"chat.completion.chunk","created":1763700000,"model":"gpt-5","choices":[{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}],"obfuscation":"{obfuscation}"}}"#,
            );
            (String::new(), data)
        });
        Self::new("chat", events.collect(), |_, data| {
            format!("data: {data}\n\n")
        })
    }

    /// Creates eight `response.completed` with 256 KiB of text each, and four inline image parts of
    /// 1 MiB.
    pub fn large() -> Self {
        let mut random = Random::new(2);
        let mut events = Vec::new();
        for number in 0..12 {
            if number % 3 == 2 {
                let image = random.letters(1 << 20);
                let data = format!(
                    r#"{{"type":"response.image_generation_call.partial_image","sequence_number":{number},"output_index":0,"item_id":"ig_1","partial_image_index":0,"partial_image_b64":"{image}"}}"#
                );
                events.push((
                    "response.image_generation_call.partial_image".to_owned(),
                    data,
                ));
            } else {
                let mut text = String::new();
                while text.len() < 256 << 10 {
                    text.push_str(&random.word());
                    text.push_str(match random.below(40) {
                        0 => ".\\n",
                        1 => " – ",
                        _ => " ",
                    });
                }
                let data = format!(
                    r#"{{"type":"response.completed","sequence_number":{number},"response":{{"id":"resp_1","object":"response","created_at":1763700000,"status":"completed","model":"gpt-5","output":[{{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}],"usage":{{"input_tokens":10,"output_tokens":20,"total_tokens":30}}}}}}"#
                );
                events.push(("response.completed".to_owned(), data));
            }
        }
        Self::new("large", events, |event, data| {
            format!("event: {event}\ndata: {data}\n\n")
        })
    }

    /// Creates one event whose data line has this many bytes.
    pub fn line(length: usize) -> Self {
        let data = Random::new(4).letters(length);
        Self::new("line", vec![(String::new(), data)], |_, data| {
            format!("data: {data}\n\n")
        })
    }

    /// Creates `count` events with CRLF line endings, keep-alive comments, ids, a reconnection
    /// time, and JSON on nine data lines.
    pub fn multiline(count: usize) -> Self {
        let mut random = Random::new(3);
        let events = (0..count).map(|number| {
            let data = format!(
                "{{\n  \"type\": \"response.output_text.delta\",\n  \"sequence_number\": {number},\n  \"item_id\": \"msg_68a1f02c\",\n  \"output_index\": 0,\n  \"content_index\": 0,\n  \"delta\": \" {}\",\n  \"logprobs\": []\n}}",
                random.word(),
            );
            ("response.output_text.delta".to_owned(), data)
        });
        let mut number = 0;
        Self::new("multiline", events.collect(), |event, data| {
            number += 1;
            let mut block = String::new();
            if number % 4 == 0 {
                block.push_str(": keep-alive\r\n\r\n");
            }
            if number == 1 {
                block.push_str("retry: 3000\r\n");
            }
            block.push_str(&format!("event: {event}\r\nid: {number}\r\n"));
            for line in data.lines() {
                block.push_str(&format!("data: {line}\r\n"));
            }
            block.push_str("\r\n");
            block
        })
    }

    fn new(
        name: &'static str,
        events: Vec<(String, String)>,
        mut write: impl FnMut(&str, &str) -> String,
    ) -> Self {
        let bytes: String = events
            .iter()
            .map(|(event, data)| write(event, data))
            .collect();
        Self {
            name,
            bytes: bytes.into(),
            events,
        }
    }
}

/// xorshift64*: the same bytes on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % limit
    }

    pub(crate) fn word(&mut self) -> String {
        let length = 2 + self.below(8);
        self.letters(length)
    }

    fn letters(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| {
                char::from(
                    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        [self.below(62)],
                )
            })
            .collect()
    }
}
