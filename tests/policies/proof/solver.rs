//! z3 as a child process, spoken to in SMT-LIB.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// For all questions of a run. They take some twenty seconds; more means that a formula grew beyond what this proof is made
/// for.
static BUDGET: Budget = Budget(Mutex::new(Duration::from_mins(2)));
const END: &str = "end";

/// What is left of the time for questions, of all processes together.
struct Budget(Mutex<Duration>);

impl Budget {
    fn left(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, took: Duration) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(took);
        assert!(!left.is_zero(), "z3 has taken all of the time that the run has for it");
    }
}

pub(crate) struct Solver {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Solver {
    #[expect(clippy::disallowed_methods, reason = "a test has no other way to learn where the program is")]
    pub(crate) fn start() -> Self {
        let program = env::var_os("CAST_SPOT_Z3").expect(
            "CAST_SPOT_Z3 names z3; `cargo xtask test --tier proof` installs it and sets the variable",
        );
        let mut command = Command::new(&program);
        command.args(["-in", "-smt2"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.to_string_lossy()));
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output) }
    }

    /// A model of the declarations in which the formula is true, or none if there is none. `unknown` is a failure.
    pub(crate) fn model(
        &mut self,
        declarations: &str,
        formula: &str,
        symbols: &[String],
    ) -> Option<BTreeMap<String, String>> {
        let started = Instant::now();
        // Once it is over, z3 answers `unknown`.
        let limit = format!("(set-option :timeout {})", BUDGET.left().as_millis());
        let answer =
            self.answer(&format!("{limit}\n(push)\n{declarations}(assert {formula})\n(check-sat)\n"));
        BUDGET.spend(started.elapsed());
        let model = match answer.trim() {
            "unsat" => None,
            "sat" => Some(values(&self.answer(&format!("(get-value ({}))\n", symbols.join(" "))))),
            other => panic!("z3 answers {other:?} to\n{declarations}(assert {formula})"),
        };
        self.answer("(pop)\n");
        model
    }

    fn answer(&mut self, commands: &str) -> String {
        writeln!(self.input, "{commands}(echo \"{END}\")").unwrap();
        self.input.flush().unwrap();
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "z3 ended by a fault, with: {answer}{commands}");
            if line.trim() == END {
                return answer;
            }
            answer.push_str(&line);
        }
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        // It ends with its input, or here.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// `((v0 1) (v1_0 true))`.
fn values(answer: &str) -> BTreeMap<String, String> {
    let words: Vec<&str> = answer.split(|c: char| c.is_whitespace() || "()".contains(c)).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

#[test]
#[should_panic(expected = "z3 has taken all of the time")]
fn all_processes_share_one_budget() {
    let budget = Budget(Mutex::new(Duration::from_mins(2)));
    budget.spend(Duration::from_secs(70));
    assert_eq!(budget.left(), Duration::from_secs(50));
    budget.spend(Duration::from_secs(70));
}
