use std::cell::{Cell, RefCell};

use super::*;
use crate::error::ErrorKind;
use crate::quantity::Offset;

const BLOCK: usize = 4096;

/// A part of a file: where it starts, and its size.
type Part = (u64, usize);

fn block() -> NonZeroUsize {
    NonZeroUsize::new(BLOCK).unwrap()
}

fn partial(size: usize) -> Partial {
    Partial::of_size(Size::of(size), block()).unwrap()
}

fn file() -> Vec<u8> {
    (0u8..=250).cycle().take(BLOCK * 3 + 5).collect()
}

/// Reads parts of `file`, and writes down which.
fn reader<'a>(
    file: &'a [u8],
    reads: &'a RefCell<Vec<Part>>,
) -> impl FnMut(u64, &mut [u8]) -> Result<(), &'static str> + 'a {
    move |start, room| {
        reads.borrow_mut().push((start, room.len()));
        let start = usize::try_from(start).unwrap();
        room.copy_from_slice(&file[start..][..room.len()]);
        Ok(())
    }
}

fn data(file: Bytes<'_>, start: u64, size: u64) -> Result<&[u8], Error> {
    Ok(file.slice(start, Size(size), "a part")?.data()?)
}

#[test]
fn only_the_blocks_that_are_asked_for_are_read() {
    let (file, reads) = (file(), RefCell::default());
    let mut partial = partial(file.len());
    let across = BLOCK as u64 - 1;
    for _ in 0..2 {
        let found = partial.look(reader(&file, &reads), |bytes| {
            data(bytes, across, 2).map(<[u8]>::to_vec)
        });
        assert_eq!(found, Ok(Ok(file[BLOCK - 1..=BLOCK].to_vec())));
        assert_eq!(*reads.borrow(), [(0, BLOCK * 2)], "once");
    }
}

#[test]
fn no_byte_is_shown_before_it_was_read() {
    let (file, reads) = (file(), RefCell::default());
    let rounds = Cell::new(0);
    let found = partial(file.len()).look(reader(&file, &reads), |bytes| {
        rounds.set(rounds.get() + 1);
        let part = bytes.slice(0, Size(BLOCK as u64), "").unwrap();
        let answers = [
            part.data().map(|_| ()),
            part.find(b"needle").map(|_| ()),
            part.c_string(1).map(|_| ()),
            bytes.settled(()),
        ];
        let read = part.read::<[u8; 2]>(2, "two").copied();
        if rounds.get() == 1 {
            assert_eq!(answers, [Err(Incomplete(())); 4]);
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Incomplete);
            return None;
        }
        assert_eq!(answers, [Ok(()); 4]);
        read.ok()
    });
    assert_eq!((found, rounds.get()), (Ok(Some([2, 3])), 2));
}

#[test]
fn an_answer_that_takes_unread_bytes_for_absent_ones_does_not_get_out() {
    let (mut file, reads) = (vec![b'.'; BLOCK * 40], RefCell::default());
    file[BLOCK * 35..][..6].copy_from_slice(b"needle");
    let mut partial = partial(file.len());
    let found = partial.look(reader(&file, &reads), |bytes| {
        // Whoever writes this has forgotten that it may be missing.
        bytes.find(b"needle").ok().flatten()
    });
    assert_eq!(found, Ok(Some(Offset(BLOCK as u64 * 35))));
}

#[test]
fn what_cannot_be_read_ends_the_look() {
    let found = partial(BLOCK).look(|_, _| Err("damaged"), |bytes| bytes.data().is_ok());
    assert_eq!(found, Err("damaged"));
}

#[test]
fn parts_that_are_asked_for_together_are_read_together() {
    let (file, reads) = (file(), RefCell::default());
    let rounds = Cell::new(0);
    let found = partial(file.len()).look(reader(&file, &reads), |bytes| {
        rounds.set(rounds.get() + 1);
        let part = |start| bytes.slice(start, Size(1), "").unwrap();
        read_together([part(BLOCK as u64 * 2), part(0), part(1)])
    });
    assert_eq!((found, rounds.get()), (Ok(Ok(())), 2));
    assert_eq!(*reads.borrow(), [(0, BLOCK), (BLOCK as u64 * 2, BLOCK)]);
}

#[test]
fn a_room_shows_nothing_of_the_file_before() {
    let mut room = Room::default();
    for byte in [1u8, 2] {
        let size = BLOCK as u64 * 2 + 7;
        let mut partial = Partial::in_room(room, Size(size), block()).unwrap();
        assert_eq!(partial.size(), Size(size));
        assert!(partial.data.iter().all(|found| *found == 0), "{byte}");
        let fill = |_, room: &mut [u8]| {
            room.fill(byte);
            Ok::<_, ()>(())
        };
        let whole = partial.look(fill, |bytes| bytes.data().map(<[u8]>::to_vec));
        let whole = whole.unwrap().unwrap();
        assert!(whole.len() as u64 == size && whole.iter().all(|found| *found == byte));
        room = partial.into_room();
        assert!(!room.data.is_empty(), "it is kept");
    }
}

#[test]
fn a_room_that_takes_much_is_given_back() {
    let size = MAX_ROOM as u64 + 1;
    let mut partial = Partial::in_room(Room::default(), Size(size), block()).unwrap();
    let whole = partial.look(
        |_, _| Ok::<_, ()>(()),
        |bytes| bytes.data().map(<[u8]>::len),
    );
    assert_eq!(whole, Ok(Ok(MAX_ROOM + 1)));
    assert!(partial.into_room().data.is_empty());
    let far = Partial::in_room(Room::default(), Size(MAPPED as u64 + 1), block()).unwrap();
    assert!(far.into_room().data.is_empty());
}

#[test]
fn the_last_block_is_as_short_as_the_file_ends() {
    let (file, reads) = (file(), RefCell::default());
    let last = BLOCK as u64 * 3;
    let found = partial(file.len()).look(reader(&file, &reads), |bytes| {
        bytes.c_string(last).map(|string| string.map(<[u8]>::len))
    });
    assert_eq!(found, Ok(Ok(None)), "there is no NUL");
    assert_eq!(*reads.borrow(), [(last, 5)]);
}

#[test]
fn narrowing_is_not_asking() {
    let reads = RefCell::default();
    let found = partial(BLOCK).look(reader(&[0; BLOCK], &reads), |bytes| {
        let part = bytes.slice(0, Size(9), "").unwrap();
        part.slice(1, Size(2), "").unwrap().size()
    });
    assert_eq!((found, reads.borrow().len()), (Ok(Size(2)), 0));
}

#[test]
fn nothing_is_missing_of_what_was_read_whole() {
    let mut partial = Partial::whole(file());
    assert_eq!(partial.data(), Ok(&file()[..]));
    let found = partial.look(|_, _| Err(()), |bytes| bytes.data().map(<[u8]>::len));
    assert_eq!(found, Ok(Ok(file().len())));
}

/// Numbers that look random, and are the same in every run: xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(end).unwrap_or(0)
    }
}

/// What is asked of a file: of which kind, from where on, so many bytes.
type Question = (u64, u64, u64);

/// One answer as text, so that answers of all kinds can be compared.
fn answer(file: Bytes<'_>, (kind, start, size): Question) -> Result<String, Error> {
    let part = file.slice(start, Size(size), "a part");
    Ok(match kind {
        0 => format!("{:?}", part?.data()?),
        1 => format!("{:?}", file.c_string(start)?),
        2 => format!("{:?}", part?.find(b"\xfa\0\x01")?),
        3 => format!("{:?}", file.read::<[u8; 16]>(start, "a value")?),
        4 => format!("{:?}", part?.read_table::<[u8; 4]>(0, size / 4, "a table")?),
        // Takes what is missing for absent, and where the string ends for where the next one starts.
        _ => {
            let length = file.c_string(start).ok().flatten().map_or(0, <[u8]>::len);
            let next = start.saturating_add(length as u64).saturating_add(1);
            format!("{:?}", file.c_string(next).ok().flatten())
        }
    })
}

#[test]
fn any_look_at_a_part_finds_what_it_finds_in_the_whole() {
    let mut random = Random(20_261_129);
    for _ in 0..200 {
        let size = random.below(BLOCK as u64 * 6);
        // Names of many lengths, some longer than a block.
        let file: Vec<u8> = (0..size)
            .map(|at| match random.below(1 + at / 8) {
                0 => 0,
                _ => u8::try_from(at % 251).unwrap(),
            })
            .collect();
        let mut partial = partial(file.len());
        for _ in 0..8 {
            let count = random.below(6);
            let questions = (0..count).map(|_| {
                let start = random.below(size + 9);
                (random.below(6), start, random.below(size / 2 + 9))
            });
            let questions: Vec<Question> = questions.collect();
            let ask = |bytes: Bytes<'_>| {
                let answers = questions.iter().map(|it| answer(bytes, *it));
                answers.collect::<Vec<_>>()
            };
            let reads = RefCell::default();
            let found = partial.look(reader(&file, &reads), ask);
            assert_eq!(found, Ok(ask(Bytes::from(&file))), "{questions:?}");
        }
    }
}
