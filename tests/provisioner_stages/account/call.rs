//! One call: concurrent runs get their turn before it, and a fault can be injected into it.

use cast_spot_provisioner::provider::{Error, ErrorKind};

use super::{Account, CallIndex, InjectedFault, State, look::unregistered};

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

    /// The answer; `None` if the caller has been killed.
    fn answer<T>(
        &self,
        writes: bool,
        name: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let mut state = self.state();
        if state.is_killed {
            return None;
        }
        let (call, write) = (state.calls, state.writes);
        state.calls += 1;
        state.writes += usize::from(writes);
        let is_now = |at: CallIndex| at == CallIndex::Call(call) || (writes && at == CallIndex::Write(write));
        if let Some((_, edit)) = state.edit.take_if(|(at, _)| is_now(*at)) {
            edit(&mut state);
        }
        let fault = state.fault.take_if(|(at, _)| is_now(*at)).map(|(_, fault)| fault);
        let lost = || Error::new(ErrorKind::Unreachable, name, "no answer");
        let dies = |state: &mut State| {
            state.is_killed = true;
            self.died.notify_one();
        };
        match fault {
            None if writes => {
                let before = unregistered(&state);
                let answer = effect(&mut state);
                state.served_unregistered |= unregistered(&state) > before;
                Some(answer)
            }
            None => Some(effect(&mut state)),
            Some(InjectedFault::Refused) => Some(Err(Error::new(ErrorKind::Other, name, "refused"))),
            Some(InjectedFault::Lost) => Some(effect(&mut state).and_then(|_| Err(lost()))),
            Some(InjectedFault::KilledBefore) => {
                dies(&mut state);
                None
            }
            Some(InjectedFault::KilledAfter) => {
                let _ = effect(&mut state);
                dies(&mut state);
                None
            }
        }
    }
}
