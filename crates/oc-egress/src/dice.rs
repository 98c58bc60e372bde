//! Where randomness comes from: jitter and spread.

use std::fmt;
use std::sync::Arc;

/// A source of numbers in 0..1; simulations give their own, so that a run can be repeated.
#[derive(Clone)]
pub struct Dice(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Dice {
    /// The thread's random numbers.
    pub fn system() -> Self {
        Self::new(rand::random)
    }

    /// Dice of the caller's own, uniform in 0..1.
    pub fn new(roll: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(roll))
    }

    /// The next number.
    pub fn roll(&self) -> f64 {
        (self.0)()
    }
}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice")
    }
}
