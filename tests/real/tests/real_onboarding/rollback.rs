//! Rollback of the function's code, and back.

use std::fs;

use anyhow::{Context, Result, ensure};
use cast_spot_real::stack::{FUNCTION, Stack};

use crate::situation::Situation;

/// SHA-256 of the code of the function, or of the version of a qualifier.
async fn code(stack: &Stack, qualifier: Option<&str>) -> Result<String> {
    let call = stack.account.lambda.get_function_configuration().function_name(FUNCTION);
    let found = call.set_qualifier(qualifier.map(str::to_owned)).send().await?;
    found.code_sha256.context("a function has code")
}

pub(crate) async fn one_command_rolls_the_code_back_and_forward(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let earlier = code(stack, None).await?;

    let mut words = situation.role("onboard");
    let mut zip = fs::read(words.pop().context("the zip")?)?;
    // The same program, in a zip with a comment of one letter.
    let end = zip.len() - 2;
    zip[end] = 1;
    zip.push(b'x');
    let file = std::env::temp_dir().join(format!("cast-spot-{}.zip", std::process::id()));
    fs::write(&file, zip)?;
    let file = file.display().to_string();
    words.extend([&file[..], "--yes"]);
    situation.cli.run(&words).await?.expect(0)?;
    fs::remove_file(&file)?;
    let later = code(stack, None).await?;
    ensure!(earlier != later && code(stack, Some("previous")).await? == earlier, "{earlier} {later}");

    for (runs, previous) in [(&earlier, &later), (&later, &earlier)] {
        let done = situation.cli.run(&["rollback", "--yes"]).await?.expect(0)?;
        ensure!(done.out.contains(runs.as_str()), "{}", done.out);
        let (now, before) = (code(stack, None).await?, code(stack, Some("previous")).await?);
        ensure!((&now, &before) == (runs, previous), "{now} runs, previous is {before}");
        let versions =
            stack.account.lambda.list_versions_by_function().function_name(FUNCTION).send().await?;
        ensure!(versions.versions().len() == 2, "$LATEST and the one before: {versions:?}");
    }
    situation.end().await
}
