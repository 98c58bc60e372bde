//! The rate limit: points in fixed minutes of the provider's clock.

use axum::http::{HeaderMap, HeaderValue};

/// The limit of one team.
pub struct Limit {
    /// Points a window.
    pub points: u32,
    /// The window, in microseconds.
    pub window: i64,
    /// Requests refused for want of points.
    pub refused: u32,
    /// Points used in the fullest window so far.
    pub most_used: u32,
    current: i64,
    used: u32,
}

impl Default for Limit {
    fn default() -> Self {
        Self { points: 600, window: 60_000_000, refused: 0, most_used: 0, current: 0, used: 0 }
    }
}

impl Limit {
    /// Takes what a request for a page costs; tells whether there was enough, and the headers.
    pub(super) fn take(&mut self, page: u64, now: i64) -> (bool, HeaderMap) {
        let cost = match page {
            0..=100 => 1,
            101..=150 => 3,
            151..=250 => 8,
            251..=500 => 10,
            _ => 30,
        };
        if now / self.window != self.current {
            self.current = now / self.window;
            self.used = 0;
        }
        let allowed = self.used + cost <= self.points;
        if allowed {
            self.used += cost;
        } else {
            self.refused += 1;
        }
        self.most_used = self.most_used.max(self.used);
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-endpoint-cost", HeaderValue::from(cost));
        headers.insert("x-ratelimit-remaining-minute", HeaderValue::from(self.points - self.used));
        (allowed, headers)
    }
}
