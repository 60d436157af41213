/**
 * What can be wrong with an export, each with a name and an exit code of its own. Where several things are wrong all are listed, and the
 * program exits with the code of the first of them in this order: what makes all the rest doubtful comes first.
 */
export const EXIT_CODES = {
  /** A file of the export is missing, over its limit, or not what its format says. */
  malformed: 10,
  /** A checkpoint carries no valid signature of the log's key. */
  'forged-checkpoint': 11,
  /** Two signed checkpoints, or a signed checkpoint and the events, tell two different histories. */
  fork: 12,
  /** Checkpoints that were signed are gone: the log, or its list of checkpoints, was set back. */
  rollback: 13,
  /** The end of the log, or of a stream, was cut off. */
  truncation: 14,
  /** An event was taken out of the middle: its stream goes on after it. */
  deletion: 15,
  /** There is an event that the ledger never had, or one twice. */
  insertion: 16,
  /** Events are there, but in another order. */
  reordering: 17,
  /** An event claims an earlier time than it was recorded at. */
  'back-dating': 18,
  /** An event says something else than what was recorded. */
  edit: 19,
  /** Nothing that is in the export is under a signed checkpoint: it proves nothing. */
  unanchored: 20,
  /** A decision, executed again, comes out differently (`recheck`). */
  'receipt-differs': 21,
  /** A decision can't be executed again on what the export holds (`recheck`). */
  'receipt-unknowable': 22,
  /** A report is not what the events give (`report`). */
  'report-differs': 23,
  /** A row of a view is not what the events give (`replay`). */
  'view-differs': 24,
  /** A witness that must have signed has signed nothing that covers the export (`--witness`). */
  unwitnessed: 25,
  /** Something is not there that an archive's manifest, or the order of its segments, asks for (`restore`). */
  'archive-missing': 26,
  /** A file of an archive is not what its manifest says (`restore`). */
  'archive-damaged': 27,
  /** A segment of an archive is another than the one that the next goes on from (`restore`). */
  'archive-overwritten': 28,
  /** An inclusion proof in a report does not hold (`compliance --report`). */
  'proof-invalid': 29,
  /** A checkpoint that was kept from earlier (`--known`) is of a size that the export can't be held against, and nothing proves that it goes on to it. */
  'known-not-compared': 30,
} as const;

export type FindingName = keyof typeof EXIT_CODES;

export interface Finding {
  readonly name: FindingName;
  /** Where: `sequence 17`, `stream@revision`, `checkpoint 3 (size 40)`, a file. */
  readonly where: string;
  /** A sentence. */
  readonly detail: string;
  /** The log itself holds it, and has signed it so: the export is the log's all the same, and what is asked for is done with it. */
  readonly signedSo?: true;
}

/** What makes an export or archive another than what was signed: nothing is done with it. */
export function notAsSigned(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ signedSo }) => !signedSo);
}

/** 0 where nothing was found, else the code of the gravest finding. */
export function exitCodeOf(findings: readonly Finding[]): number {
  return findings.length === 0 ? 0 : Math.min(...findings.map((finding) => EXIT_CODES[finding.name]));
}

/** Each name once, with how often it was found; in the order of `EXIT_CODES`. */
export function countsOf(findings: readonly Finding[]): Readonly<Record<string, number>> {
  const names = (Object.keys(EXIT_CODES) as FindingName[]).filter((name) => findings.some((finding) => finding.name === name));
  return Object.fromEntries(names.map((name) => [name, findings.filter((finding) => finding.name === name).length]));
}
