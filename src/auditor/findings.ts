/**
 * What can be wrong with an export, each with a name and an exit code of its own. Where several things are wrong all are listed, and the
 * program exits with the code of the first of them in this order: what makes all the rest doubtful comes first.
 */
export const EXIT_CODES = {
  malformed: 10,
  'forged-checkpoint': 11,
  fork: 12,
  rollback: 13,
  truncation: 14,
  deletion: 15,
  insertion: 16,
  reordering: 17,
  'back-dating': 18,
  edit: 19,
  unanchored: 20,
  'receipt-differs': 21,
  'receipt-unknowable': 22,
  'report-differs': 23,
  'view-differs': 24,
  unwitnessed: 25,
  'archive-missing': 26,
  'archive-damaged': 27,
  'archive-overwritten': 28,
  'proof-invalid': 29,
  'known-not-compared': 30,
} as const;

export type FindingName = keyof typeof EXIT_CODES;

/** What each says was found; the README says the same. */
export const MEANINGS: Readonly<Record<FindingName, string>> = {
  malformed: 'a file is missing, over its limit, or not what its format says',
  'forged-checkpoint': "a checkpoint without a valid signature of the log's key",
  fork: 'two signed checkpoints, or a checkpoint and the events, tell two histories',
  rollback: 'checkpoints that were signed are gone',
  truncation: 'the end of the log or of a stream is gone',
  deletion: 'an event is gone from the middle of its stream',
  insertion: 'an event that the ledger never had, or one twice, or one that no command led to',
  reordering: 'events in another order',
  'back-dating': 'an event claims an earlier time than it was recorded at',
  edit: 'an event says something else',
  unanchored: 'no signed checkpoint covers anything of the export',
  'receipt-differs': 'a decision, executed again, comes out differently',
  'receipt-unknowable': "a decision can't be executed again on what the export holds",
  'report-differs': 'the events give another report',
  'view-differs':
    "the events give other rows of a view, or there are rows that can't be compared: of a view or version that this program does not make, twice, of several positions",
  unwitnessed: 'a witness that was named with --witness has signed nothing that covers the export',
  'archive-missing': "something is not there that an archive's manifest, or the order of its segments, asks for",
  'archive-damaged': 'a file of an archive is not what its manifest says',
  'archive-overwritten': 'a segment of an archive is another than the one that the next goes on from',
  'proof-invalid': 'an inclusion proof in a report does not hold',
  'known-not-compared':
    'a checkpoint given with --known is outside of what the export holds, and no proof in it (export --known FILE) shows that both are one log',
};

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
