//! A name server that lies as it is told: another answer each time, none, or never one.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Names {
    /// These addresses.
    At(Vec<IpAddr>),
    /// Another name.
    Alias(&'static str),
    /// There is no such name.
    Missing,
    /// The question is not answered.
    Silence,
}

/// The server; it ends when it is dropped.
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Zone {
    answers: HashMap<String, Vec<Names>>,
    /// Questions that came, by name and kind of record.
    asked: HashMap<(String, RecordType), usize>,
}

impl NameServer {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// No port.
    pub async fn start() -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let (address, zone) = (socket.local_addr()?, Arc::new(Mutex::new(Zone::default())));
        let task = tokio::spawn(serve(socket, Arc::clone(&zone)));
        Ok(Self { address, zone, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is answered for a name, one after the other; the last answer stays.
    pub fn set(&self, name: &str, answers: impl Into<Vec<Names>>) {
        let mut zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.answers.insert(name.to_owned(), answers.into());
        zone.asked.retain(|(asked, _), _| asked != name);
    }

    /// How often it was asked for the IPv4 addresses of a name since that was set.
    pub fn asked(&self, name: &str) -> usize {
        let zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.asked.get(&(name.to_owned(), RecordType::A)).copied().unwrap_or(0)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut packet = [0; 4_096];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let answer = Message::from_vec(&packet[..length]).ok().and_then(|question| {
            zone.lock().unwrap_or_else(PoisonError::into_inner).answer(&question)
        });
        if let Some(answer) = answer.and_then(|answer| answer.to_vec().ok()) {
            // A client that has gone asks no more.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

impl Zone {
    /// Aliases are followed within the answer, as a recursive server does; nothing lives longer
    /// than it.
    fn answer(&mut self, question: &Message) -> Option<Message> {
        let query = question.queries.first()?;
        let (kind, mut name) = (query.query_type, query.name.clone());
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        for _ in 0..8 {
            match self.next(&name, kind) {
                Names::At(addresses) => {
                    let fitting = addresses.into_iter().map(RData::from);
                    let fitting = fitting.filter(|data| data.record_type() == kind);
                    answer
                        .add_answers(fitting.map(|data| Record::from_rdata(name.clone(), 0, data)));
                    return Some(answer);
                }
                Names::Alias(to) => {
                    let to = Name::from_ascii(to).ok()?;
                    let alias = RData::CNAME(CNAME(to.clone()));
                    answer.add_answer(Record::from_rdata(name, 0, alias));
                    name = to;
                }
                Names::Missing => {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                    return Some(answer);
                }
                Names::Silence => return None,
            }
        }
        Some(answer)
    }

    fn next(&mut self, name: &Name, kind: RecordType) -> Names {
        let name = name.to_lowercase().to_ascii().trim_end_matches('.').to_owned();
        let asked = self.asked.entry((name.clone(), kind)).or_default();
        *asked += 1;
        let answers = self.answers.get(&name).map(Vec::as_slice).unwrap_or_default();
        answers.get(*asked - 1).or(answers.last()).cloned().unwrap_or(Names::Missing)
    }
}
