// Runs checks one after the other and prints each result; the others go on where one fails.

export async function run(what, checks) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`  ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`  FAILED  ${name}: ${error.message}`);
    }
  }
  const count = Object.keys(checks).length;
  console.log(`${what}: ${count - failed} of ${count}`);
  process.exit(failed ? 1 : 0);
}
