//! How tickets stand in the stream: the subject is the lane, so that there is one ticket of each.

use async_nats::jetstream::Message;
use oc_dispatch::{DestinationId, DueLane, LaneId, Ticket, Turn};

const TURNS: [(Turn, &str); 3] =
    [(Turn::New, "new"), (Turn::Replay, "replay"), (Turn::Probe, "probe")];

/// The end of the subject of a ticket.
pub(crate) fn subject(ticket: Ticket) -> String {
    let turn = TURNS.iter().find(|(turn, _)| *turn == ticket.turn).map_or("", |(_, name)| name);
    format!("{}.{turn}", ticket.lane.0)
}

/// The ticket of a subject's end; none of what others have put there.
pub(crate) fn read(subject: &str) -> Option<Ticket> {
    let (lane, name) = subject.split_once('.')?;
    let (turn, _) = TURNS.iter().find(|(_, of)| *of == name)?;
    Some(Ticket { lane: LaneId(lane.parse().ok()?), turn: *turn })
}

/// What is the same for whoever sees the lane in the same state: of several that put it into the
/// queue, JetStream keeps the first.
pub(crate) fn message_id(lane: &DueLane) -> String {
    format!("{}.{}", subject(lane.ticket), lane.since.0)
}

/// A ticket that was handed out.
pub(crate) fn handed(prefix: &str, message: &Message) -> Option<(Ticket, DestinationId)> {
    let ticket = read(message.subject.strip_prefix(prefix)?)?;
    let destination = std::str::from_utf8(&message.payload).ok()?;
    Some((ticket, DestinationId(destination.to_owned())))
}

#[cfg(test)]
mod tests {
    use oc_config::Timestamp;

    use super::*;

    #[test]
    fn a_subject_is_read_as_it_was_written() {
        for (turn, name) in TURNS {
            let ticket = Ticket { lane: LaneId(4711), turn };
            assert_eq!(subject(ticket), format!("4711.{name}"));
            assert_eq!(read(&subject(ticket)), Some(ticket));
        }
        assert_eq!([read("7"), read("x.new"), read("7.other"), read("")], [None; 4]);
    }

    #[test]
    fn a_message_id_names_the_lane_its_queue_and_its_state() {
        let id = |turn, since| {
            let ticket = Ticket { lane: LaneId(7), turn };
            let destination_id = DestinationId("https://receiver.example".to_owned());
            message_id(&DueLane { ticket, since: Timestamp(since), destination_id })
        };
        assert_eq!(id(Turn::New, 5), "7.new.5");
        assert_ne!(id(Turn::New, 5), id(Turn::New, 6));
        assert_ne!(id(Turn::New, 5), id(Turn::Replay, 5));
    }
}
