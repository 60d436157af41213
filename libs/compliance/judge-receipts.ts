import type { DecisionReceipt, GateRule, JudgedRisk } from '#libs/contracts';
import { letsPass } from '#libs/policy';
import { exception, no, unknowable, yes } from './judge-start.ts';
import type { Answer, Judged } from './report.ts';

/** A decision receipt of a change, and where it is written. */
export interface Decided {
  readonly receipt: DecisionReceipt;
  readonly ref: string;
}

/**
 * What a receipt says of its gates.
 * @param rules those that the policy asks for, where its text is on record
 * @param risk as its plan and its policy have it, where the receipt's must be that
 */
export function gatesJudged({ receipt, ref }: Decided, rules: readonly GateRule[] | undefined, risk?: JudgedRisk): Judged {
  if (risk && receipt.risk && receipt.risk.effective !== risk.effective)
    return no(`The decision took it for a change of ${receipt.risk.effective} risk, and it is one of ${risk.effective}. ${risk.detail}`, [
      ref,
    ]);
  const lacking = (rules ?? []).filter((rule) => !receipt.gates.some((g) => g.gate === rule.gate));
  if (lacking.length > 0) return no(`The decision left out ${lacking.map((rule) => rule.gate).join(', ')}.`, [ref]);
  const failing = receipt.gates.filter((g) => !letsPass(g));
  if (failing.length > 0) return no(`It went on although ${failing.map((g) => `${g.gate} was ${g.verdict}`).join(', ')}.`, [ref]);
  if (receipt.verdict !== 'pass') return no('It went on although the decision was against it.', [ref]);
  const waived = receipt.gates.filter((g) => g.verdict !== 'pass');
  return waived.length > 0
    ? exception(`Waived by bypass ${waived[0]?.waivedBy ?? ''}: ${waived.map((g) => `${g.gate} (${g.verdict})`).join(', ')}.`, [ref])
    : yes([ref]);
}

/**
 * What a receipt says of freezes.
 * @param calendars whether any calendar was on record by then
 * @param unborne whether nothing bears the class as which it was judged
 */
export function freezeJudged({ receipt, ref }: Decided, calendars: boolean, changeClass: string, unborne = false): Judged {
  const gate = receipt.gates.find((g) => g.gate === 'not-frozen');
  const cited = receipt.inputs.filter((input) => input.startsWith('calendar-'));
  if (!gate) {
    // Where a calendar is about a change the gate is judged, named by the policy or not: that it is not there says that none was.
    if (cited.length > 0) return yes([ref, ...cited]);
    return calendars ? unknowable('The decision did not look at the calendars that there were.', [ref]) : yes([ref]);
  }
  const evidence = [ref, ...gate.evidence];
  if (gate.waivedBy !== undefined && gate.verdict !== 'pass') return exception(`Bypass ${gate.waivedBy} waived not-frozen.`, evidence);
  if (gate.verdict !== 'pass') return no(gate.detail, evidence);
  if (unborne)
    return unknowable(
      `It passed as of class ${changeClass}, which nothing bears: whether a normal change might pass is not on record.`,
      evidence,
    );
  return changeClass === 'emergency' || changeClass === 'rollback'
    ? exception(`No freeze binds a change of class ${changeClass}.`, evidence)
    : yes(evidence);
}

const GRAVITY: Readonly<Record<Answer, number>> = { yes: 0, exception: 1, no: 2 };

/** Two verdicts on one question: the graver one, with the evidence of both where they agree. */
export function graver(a: Judged | undefined, b: Judged): Judged {
  if (!a) return b;
  if (a.verdict === b.verdict)
    return { evidence: [...new Set([...a.evidence, ...b.evidence])], reason: a.reason, unknowable: a.unknowable, verdict: a.verdict };
  return GRAVITY[a.verdict] > GRAVITY[b.verdict] ? a : b;
}

/** Editions of the time zone database that a receipt was reckoned with. */
export function tzdataOf(receipt: DecisionReceipt): readonly string[] {
  return receipt.gates.flatMap((g) => g.evidence.flatMap((e) => (e.startsWith('tzdata:') && e !== 'tzdata:none' ? [e.slice(7)] : [])));
}
