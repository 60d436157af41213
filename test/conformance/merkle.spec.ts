import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { verifyConsistency, verifyInclusion, type Hash } from '#libs/ledger';
import { skipAloud } from '../support/kafka/index.ts';

/** The vectors of transparency-dev/merkle; they are nobody's here, so they are read where they are. */
const folder = process.env['PLIMSOLL_MERKLE_DATA'] ?? resolve(__dirname, '../../../shared/data/merkle');
const present = existsSync(folder);

interface Case {
  readonly desc: string;
  readonly wantErr: boolean;
  readonly proof: readonly string[] | null;
}
interface InclusionCase extends Case {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
}
interface ConsistencyCase extends Case {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
}

function casesOf<T>(kind: string): [string, T][] {
  if (!present) return [];
  return readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(join(folder, kind, name), 'utf8')) as T]);
}

const bytes = (base64: string | null): Hash => Buffer.from(base64 ?? '', 'base64');
const proofOf = ({ proof }: Case): Hash[] => (proof ?? []).map(bytes);

if (!present) skipAloud(`no Merkle vectors in ${folder}: set PLIMSOLL_MERKLE_DATA.`);

(present ? describe : describe.skip)('the proofs of RFC 6962, held against the vectors of others', () => {
  const inclusion = casesOf<InclusionCase>('inclusion');
  const consistency = casesOf<ConsistencyCase>('consistency');

  it('are all there, good ones and bad ones', () => {
    for (const cases of [inclusion, consistency] as [string, Case][][]) {
      expect(cases.length).toBeGreaterThan(90);
      expect(cases.filter(([, { wantErr }]) => !wantErr).length).toBeGreaterThan(3);
    }
  });

  it.each(inclusion)('agree on inclusion: %s', (_name, vector) => {
    const { leafHash, leafIdx, treeSize, root, wantErr } = vector;
    expect(verifyInclusion(bytes(leafHash), leafIdx, treeSize, proofOf(vector), bytes(root))).toBe(!wantErr);
  });

  it.each(consistency)('agree on consistency: %s', (_name, vector) => {
    const { size1, size2, root1, root2, wantErr } = vector;
    expect(verifyConsistency(size1, size2, bytes(root1), bytes(root2), proofOf(vector))).toBe(!wantErr);
  });
});
