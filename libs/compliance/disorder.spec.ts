import fc from 'fast-check';
import { canonicalReport, ComplianceFold, CONTROL_QUESTIONS, type ControlQuestion } from '#libs/compliance';
import { complianceYear } from '../../test/support/compliance-year.ts';

const questions = Object.keys(CONTROL_QUESTIONS) as ControlQuestion[];
const year = complianceYear({ seed: 9, changes: 260, each: 1 });
/** Some hundred events of a good many kinds; those that follow one another in a story are apart. */
const events = [...year.batches()].flat().filter((_event, i) => i % 9 === 0 || i > 4200);

describe('a log that tells half of the story, in another order', () => {
  it('gives a report all the same, with nothing blank and nothing better than what is on record', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { maxLength: 250 }), (told) => {
        const fold = new ComplianceFold({ from: year.from, to: year.to });
        for (const event of told) fold.add(event);
        const report = fold.report();
        expect(report.log.unreadable).toBeUndefined();
        for (const change of report.changes) {
          for (const question of questions) {
            const { verdict, reason } = change.verdicts[question];
            expect(['yes', 'no', 'exception']).toContain(verdict);
            if (verdict !== 'yes') expect(reason).toMatch(/\S/);
          }
          // Nobody is said to have approved what nobody is on record as having approved.
          if (change.verdicts['approved-before-deployment'].verdict === 'yes') expect(change.approvals.length).toBeGreaterThanOrEqual(2);
          if (change.verdicts.tested.verdict === 'yes') expect(change.tests.length).toBeGreaterThan(0);
          if (change.verdicts.observed.verdict === 'yes') expect(change.observations.length).toBeGreaterThan(0);
        }
        expect(canonicalReport(fold.report()).digest).toBe(canonicalReport(report).digest);
      }),
      { numRuns: 60 },
    );
  });

  it('is read on where events are not what their type says, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...events), fc.jsonValue()), { maxLength: 60 }), (told) => {
        const fold = new ComplianceFold({ from: year.from, to: year.to });
        for (const [event, data] of told) fold.add({ ...event, data });
        const report = fold.report();
        const { log, changes } = report;
        expect(canonicalReport(report).bytes.length).toBeGreaterThan(0);
        expect(log.events).toBe(told.length);
        for (const { verdicts } of changes) expect(Object.keys(verdicts)).toHaveLength(questions.length);
      }),
    );
  });
});
