//! The choices of a random world.

use std::ops::{Deref, DerefMut};

use fastrand::Rng;

/// A generator that chooses.
pub(super) struct Dice(Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// `true` in this many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.u8(..100) < percent
    }

    /// One of several.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.usize(..of.len())]
    }
}

impl Deref for Dice {
    type Target = Rng;

    fn deref(&self) -> &Rng {
        &self.0
    }
}

impl DerefMut for Dice {
    fn deref_mut(&mut self) -> &mut Rng {
        &mut self.0
    }
}
