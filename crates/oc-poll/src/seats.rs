//! How many polls there may be: those that wait for a rate budget take no seat.

/// All polls together are at most so many times the seats, so that memory stays bounded.
const MOST_FOR_EACH_SEAT: usize = 4;
/// The most polls of one provider account; they take turns at its rate budget anyway.
const MOST_OF_AN_ACCOUNT: usize = 8;

/// How many more polls may begin beside `polls`, of which `waiting` wait for a rate budget.
pub(crate) fn free(seats: usize, polls: usize, waiting: usize) -> usize {
    let taken = polls.saturating_sub(waiting);
    let room = seats.saturating_mul(MOST_FOR_EACH_SEAT).saturating_sub(polls);
    seats.saturating_sub(taken).min(room)
}

/// How many polls of one account may run or wait at once.
pub(crate) fn of_an_account(seats: usize) -> usize {
    seats.div_ceil(2).min(MOST_OF_AN_ACCOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_that_wait_take_no_seat() {
        assert_eq!([free(4, 0, 0), free(4, 3, 0), free(4, 4, 0)], [4, 1, 0]);
        assert_eq!([free(4, 4, 3), free(4, 12, 12), free(4, 9, 4)], [3, 4, 0]);
    }

    #[test]
    fn all_polls_together_are_bounded() {
        assert_eq!([free(4, 14, 14), free(4, 16, 16), free(4, 20, 90)], [2, 0, 0]);
    }

    #[test]
    fn an_account_has_half_of_the_seats_or_a_few() {
        assert_eq!([1, 2, 5, 64].map(of_an_account), [1, 1, 3, 8]);
    }
}
