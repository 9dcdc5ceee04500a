//! Bytes read as decisions. When there are none left, every decision is the first one.

/// What is left to read.
#[derive(Clone)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of the numbers below `end`, which is at most 256; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()).checked_rem(end).unwrap_or(0)
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Any number that a store can keep; most are small.
    pub fn number(&mut self) -> u64 {
        const GREATEST: u64 = i64::MAX.cast_unsigned();
        match self.byte() {
            small @ ..240 => u64::from(small),
            240..248 => self.any_number() & GREATEST,
            near_the_end => GREATEST - u64::from(near_the_end - 248),
        }
    }

    /// Any number; most are small.
    pub fn small_number(&mut self) -> u32 {
        match self.byte() {
            small @ ..248 => u32::from(small),
            near_the_end => u32::MAX - u32::from(near_the_end - 248),
        }
    }

    pub fn any_number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// Up to `most` of the bytes.
    pub fn some(&mut self, most: usize) -> &'a [u8] {
        let length = self.below(most + 1).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some
    }
}
