/** Told to the people who watch; checks are counted, and the first that fails ends the demonstration. */
export class Stage {
  checks = 0;
  private chapter = 0;

  heading(text: string): void {
    this.chapter += 1;
    console.log(`\n${this.chapter}. ${text}`);
  }

  say(text: string): void {
    console.log(`   ${text}`);
  }

  check(holds: boolean, text: string): void {
    if (!holds) throw new Error(`It does not hold that ${text}`);
    this.checks += 1;
    console.log(`   ✓ ${text}`);
  }
}
