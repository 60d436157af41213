import { createHash } from 'node:crypto';
import { leafHash, openCheckpoint, parseVerifier, verifyInclusion, type OpenedCheckpoint } from '#libs/ledger';
import { accepted, newestPosition, until, type Client } from './api.ts';
import type { Stage } from './stage.ts';

interface Change {
  readonly id: string;
  readonly kind: string;
  readonly outcome: string;
  readonly started: { readonly sequence: number };
  readonly verdicts: Readonly<Record<string, { readonly verdict: string; readonly reason?: string }>>;
}

/**
 * What somebody can check who trusts nobody here and has the log's verifier key: that a checkpoint is signed, that what happened is under it,
 * and that the compliance report of the demonstration's time rests on it. The proofs are checked by `libs/ledger`, not by the server.
 *
 * @param from when the demonstration began
 * @param deployments ids of what it deployed and rolled back
 */
export async function outsider(stage: Stage, audrey: Client, from: Date, deployments: readonly string[]): Promise<void> {
  const get = async (path: string): Promise<unknown> => accepted(await audrey.get(path), path).body;

  const { verifier, size } = await until('A leaf of the ledger for every event', 30, async () => {
    const now = (await get('/v1/ledger')) as { verifier: string; size: number; position: string };
    return BigInt(now.position) >= newestPosition() ? now : undefined;
  });
  const checkpoint = await until('A checkpoint over all of it', 60, async () => {
    const answer = await audrey.get('/v1/ledger/checkpoint');
    // Before the first is due there is none.
    if (answer.status === 404) return undefined;
    const opened = openCheckpoint(accepted(answer, 'The checkpoint').text, parseVerifier(verifier));
    return opened.size >= size ? opened : undefined;
  });
  stage.check(
    true,
    `a checkpoint of ${checkpoint.origin} over ${checkpoint.size} events has a good signature of the key ${short(verifier)}`,
  );

  const period = `from=${from.toISOString()}&to=${new Date().toISOString()}&treeSize=${checkpoint.size}`;
  const answer = accepted(await audrey.get(`/v1/governance/compliance-reports?${period}`), 'The compliance report');
  const report = answer.body as { changes: readonly Change[]; log: { checkpoint?: { root: string } } };
  stage.check(
    answer.headers.get('plimsoll-report-digest') === `sha256:${createHash('sha256').update(answer.text).digest('hex')}` &&
      report.log.checkpoint?.root === checkpoint.root.toString('base64'),
    `the compliance report rests on the root of that checkpoint, and its digest is the one that it was given`,
  );
  const changes = report.changes.filter(({ id }) => deployments.includes(id));
  stage.check(changes.length === deployments.length, `all ${deployments.length} changes of this demonstration are in its population`);
  for (const { id, kind, outcome, verdicts } of changes) {
    const answers = Object.entries(verdicts);
    const other = answers.filter(([, { verdict }]) => verdict !== 'yes');
    stage.say(`${kind} ${id.slice(0, 8)} ${outcome}: ${answers.length - other.length} of ${answers.length} questions are answered yes.`);
    for (const [question, { verdict, reason }] of other) stage.say(`  ${question}: ${verdict}. ${reason ?? ''}`);
  }

  for (const { id, started } of changes) await inLedger(stage, get, checkpoint, id, started.sequence);
}

async function inLedger(
  stage: Stage,
  get: (path: string) => Promise<unknown>,
  { size, root }: OpenedCheckpoint,
  deploymentId: string,
  sequence: number,
): Promise<void> {
  const { leaf } = (await get(`/v1/ledger/leaves/${sequence}`)) as { leaf: string };
  const { proof } = (await get(`/v1/ledger/inclusion-proof?sequence=${sequence}&treeSize=${size}`)) as { proof: readonly string[] };
  const path = proof.map((hash) => Buffer.from(hash, 'base64'));
  const proved = (said: string): boolean => verifyInclusion(leafHash(said), sequence, size, path, root);
  stage.check(
    leaf.includes(deploymentId) &&
      proved(leaf) &&
      !proved(
        leaf.replace(
          deploymentId,
          deploymentId.replace(/^./, (c) => (c === '0' ? '1' : '0')),
        ),
      ),
    `the start of ${deploymentId.slice(0, 8)} is leaf ${sequence} of that tree by ${path.length} hashes; with one letter changed it is not`,
  );
}

function short(key: string): string {
  return key.length > 40 ? `${key.slice(0, 40)}…` : key;
}
