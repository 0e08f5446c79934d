//! What the gateways share: revocations, rates and uses in one Redis, asked with one command for each request.

use crate::options::Options;
use redis::{
    RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use std::{sync::Arc, time::Duration};
use valet_key::{
    clock::{Clock, SystemClock, Timestamp},
    gateway::{Answer, Question, Revocation},
    grant::Lifetime,
    issuer::Gcra,
};

/// How long the Redis may take. It is on the way of every request.
const PATIENCE: Duration = Duration::from_millis(500);
/// The longest that a token lives, and a quarter of an hour for clocks that differ.
const LONGEST: u64 = Lifetime::WEEK.seconds() as u64 + 900;

/// Answers a question in one step: revocations, then the rate, then the use. What refuses leaves alone what is behind it.
///
/// KEYS are the revocations, the rate and, if there is one, the use. ARGV are how many revocations there are, when the token was
/// issued, the interval of the rate in microseconds and its burst, and the time to live of the use in seconds.
/// The rate is the generic cell rate algorithm by the clock of the Redis, so that no gateway's clock counts.
const ANSWER: &str = r"
local count, issued = tonumber(ARGV[1]), tonumber(ARGV[2])
for _, mark in ipairs(redis.call('MGET', unpack(KEYS, 1, count))) do
    if mark and tonumber(mark) > issued then return {'revoked', 0} end
end
local interval, burst = tonumber(ARGV[3]), tonumber(ARGV[4])
if burst > 0 then
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local arrival = math.max(tonumber(redis.call('GET', KEYS[count + 1]) or '0'), now) + interval
    local early = arrival - now - burst * interval
    if early > 0 then return {'limited', math.ceil(early / 1000000)} end
    redis.call('SET', KEYS[count + 1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
end
local use = KEYS[count + 2]
if use and not redis.call('SET', use, '1', 'NX', 'EX', ARGV[5]) then return {'replayed', 0} end
return {'clear', 0}
";

/// Adds a revocation, which only ever says more than the one that is there.
const REVOKE: &str = r"
local mark, old = ARGV[1], redis.call('GET', KEYS[1])
if old and tonumber(old) > tonumber(mark) then mark = old end
redis.call('SET', KEYS[1], mark, 'EX', math.max(redis.call('TTL', KEYS[1]), tonumber(ARGV[2])))
return 1
";

/// The Redis, as one gateway sees it.
#[derive(Clone)]
pub(crate) struct Shared {
    redis: ConnectionManager,
    scripts: Arc<[Script; 2]>,
    rate: Option<Gcra>,
}

impl Shared {
    pub(crate) async fn connect(options: &Options) -> Result<Self, String> {
        // The address may hold a password, and an error may hold the address.
        let lost = |error: RedisError| format!("cannot reach the Redis: {}", reason(&error));
        let client = redis::Client::open(options.redis.as_str()).map_err(lost)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let redis = ConnectionManager::new_with_config(client, config).await.map_err(lost)?;
        Ok(Self { redis, scripts: Arc::new([Script::new(ANSWER), Script::new(REVOKE)]), rate: options.rate })
    }

    /// What the Redis says to a question. Whatever goes wrong is [`Answer::Lost`], which refuses.
    pub(crate) async fn answer(&self, question: Question) -> Answer {
        match tokio::time::timeout(PATIENCE, self.ask(&question)).await {
            Ok(Ok((word, seconds))) => match word.as_str() {
                "clear" => Answer::Clear,
                "revoked" => Answer::Revoked,
                "limited" => Answer::RateLimited { retry_after: seconds },
                "replayed" => Answer::Replayed,
                _ => Answer::Lost,
            },
            Ok(Err(error)) => {
                eprintln!("edge: the Redis failed, so requests are refused: {}", reason(&error));
                Answer::Lost
            }
            Err(_) => {
                eprintln!("edge: the Redis is silent, so requests are refused");
                Answer::Lost
            }
        }
    }

    async fn ask(&self, question: &Question) -> Result<(String, u32), RedisError> {
        let [answer, _] = &*self.scripts;
        let mut call = answer.prepare_invoke();
        for key in &question.revocations {
            call.key(format!("valet:revoked:{key}"));
        }
        call.key(format!("valet:rate:{}", question.rate_key));
        let (interval, burst) = self.rate.map_or((0, 0), |rate| (rate.interval(), rate.burst()));
        call.arg(question.revocations.len()).arg(question.issued_at).arg(interval).arg(burst);
        if let Some((key, seconds)) = &question.single_use {
            call.key(format!("valet:use:{key}")).arg(*seconds);
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    /// Revokes for all gateways.
    pub(crate) async fn revoke(&self, revocation: &Revocation) -> Result<(), String> {
        let [_, revoke] = &*self.scripts;
        let mut call = revoke.prepare_invoke();
        call.key(format!("valet:revoked:{}", revocation.store_key())).arg(revocation.watermark()).arg(LONGEST);
        let mut redis = self.redis.clone();
        let done = tokio::time::timeout(PATIENCE, call.invoke_async::<u32>(&mut redis)).await;
        match done {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("NOT revoked, the Redis failed: {}", reason(&error))),
            Err(_) => Err("NOT known to be revoked: the Redis is silent".into()),
        }
    }
}

/// What went wrong, without what was sent.
fn reason(error: &RedisError) -> String {
    format!("{:?}", error.kind())
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
