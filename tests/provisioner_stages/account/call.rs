//! One call: others get their turn before it, and it can go wrong.

use cast_spot_provisioner::provider::{Error, ErrorKind};

use super::{Account, At, Mishap, State, look::strays};

impl Account {
    pub(super) async fn read<T>(&self, name: &str, answer: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        self.call(false, name, |state| Ok(answer(state))).await
    }

    pub(super) async fn write<T>(
        &self,
        name: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.call(true, name, effect).await
    }

    async fn call<T>(
        &self,
        writes: bool,
        name: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let turns = self.state().pauses.as_mut().map_or(0, |rng| rng.usize(..4));
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let answer = self.answer(writes, name, effect);
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// None: there is nobody any more who would hear it.
    fn answer<T>(
        &self,
        writes: bool,
        name: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let mut state = self.state();
        if state.is_dead {
            return None;
        }
        let (call, write) = (state.calls, state.writes);
        state.calls += 1;
        state.writes += usize::from(writes);
        let is_now = |at: At| at == At::Call(call) || (writes && at == At::Write(write));
        if let Some((_, meddler)) = state.meddler.take_if(|(at, _)| is_now(*at)) {
            meddler(&mut state);
        }
        let mishap = state.mishap.take_if(|(at, _)| is_now(*at)).map(|(_, mishap)| mishap);
        let lost = || Error::new(ErrorKind::Unreachable, name, "no answer");
        let dies = |state: &mut State| {
            state.is_dead = true;
            self.died.notify_one();
        };
        match mishap {
            None if writes => {
                let before = strays(&state);
                let answer = effect(&mut state);
                state.has_strayed |= strays(&state) > before;
                Some(answer)
            }
            None => Some(effect(&mut state)),
            Some(Mishap::Refused) => Some(Err(Error::new(ErrorKind::Other, name, "refused"))),
            Some(Mishap::Lost) => Some(effect(&mut state).and_then(|_| Err(lost()))),
            Some(Mishap::KilledBefore) => {
                dies(&mut state);
                None
            }
            Some(Mishap::KilledAfter) => {
                let _ = effect(&mut state);
                dies(&mut state);
                None
            }
        }
    }
}
