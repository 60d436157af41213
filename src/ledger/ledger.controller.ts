import { Controller, Get, Header, Inject, Param, Query } from '@nestjs/common';
import { ApiProduces, ApiQuery } from '@nestjs/swagger';
import { AsStored, CLOCK, ProblemError, Roles, type Clock } from '#libs/http';
import { leafText } from '#libs/ledger';
import type { Infrastructure } from '../infrastructure.ts';
import { INFRASTRUCTURE } from '../tokens.ts';
import { ledgerStatus, type LedgerStatus } from './ledger-status.ts';
import { eventOf } from './record-leaves.ts';
import {
  checkpointNote,
  consistencyProofOf,
  inclusionProofOf,
  LedgerDamaged,
  leafBy,
  rootAt,
  treeHead,
  type StoredLeaf,
} from '#libs/ledger/postgres';

type Parameters = Readonly<Record<string, unknown>>;

/** What anyone needs to check that the log is what it was: signed checkpoints and proofs. Hashes and roots are in base64. */
@Controller('v1/ledger')
export class LedgerController {
  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  status(): Promise<LedgerStatus> {
    const { pool, log } = this.infrastructure;
    return ledgerStatus(pool, log, this.clock().toISOString());
  }

  /** The last checkpoint that was signed: a C2SP signed note, with the lines of the witnesses that have signed it too. */
  @Get('checkpoint')
  @Header('content-type', 'text/plain; charset=utf-8')
  @ApiProduces('text/plain')
  async checkpoint(): Promise<string> {
    const note = await checkpointNote(this.infrastructure.pool);
    if (note === undefined)
      throw new ProblemError(404, 'checkpoint-unknown', 'Nothing is signed yet: there are no events, or the first are not yet due.');
    return note;
  }

  @Get('checkpoints/:size')
  @Header('content-type', 'text/plain; charset=utf-8')
  @ApiProduces('text/plain')
  async checkpointOfSize(@Param('size') text: string): Promise<string> {
    const size = wholeNumber('size', text);
    const note = await checkpointNote(this.infrastructure.pool, size);
    if (note === undefined) throw new ProblemError(404, 'checkpoint-unknown', `No checkpoint of size ${size} was signed.`);
    return note;
  }

  /** Shows that an event is in the tree of a size: the last signed one unless told. */
  @Get('inclusion-proof')
  @ApiQuery({ name: 'eventId', required: false, description: 'The event; or else its sequence.' })
  @ApiQuery({ name: 'sequence', required: false, description: "The leaf's place in the tree, from 0." })
  @ApiQuery({ name: 'treeSize', required: false, description: 'Of the tree that it is in; that of the last checkpoint unless told.' })
  async inclusionProof(@Query() query: Parameters): Promise<unknown> {
    const leaf = await this.leafOf(query);
    const treeSize = await this.sizeOf('treeSize', query['treeSize']);
    if (leaf.sequence >= treeSize) {
      throw new ProblemError(
        422,
        'leaf-beyond-tree',
        `The event is leaf ${leaf.sequence}, and a tree of size ${treeSize} has the leaves before ${treeSize}. Ask for a larger tree, or wait for the next checkpoint.`,
      );
    }
    const { pool } = this.infrastructure;
    const [proof, root] = await undamaged(() => Promise.all([inclusionProofOf(pool, leaf.sequence, treeSize), rootAt(pool, treeSize)]));
    return { ...leafAnswer(leaf), treeSize, root: root.toString('base64'), proof: proof.map((hash) => hash.toString('base64')) };
  }

  /** Shows that the tree of one size begins with the tree of another. */
  @Get('consistency-proof')
  @ApiQuery({ name: 'first', description: 'Size of the smaller tree, from 1.' })
  @ApiQuery({ name: 'second', required: false, description: 'Size of the larger tree; that of the last checkpoint unless told.' })
  async consistencyProof(@Query() query: Parameters): Promise<unknown> {
    const first = wholeNumber('first', query['first']);
    const second = await this.sizeOf('second', query['second']);
    if (first < 1 || first > second) {
      throw new ProblemError(
        422,
        'sizes-out-of-order',
        `There is a proof from size 1 up, to a size that is no smaller; not from ${first} to ${second}.`,
      );
    }
    const { pool } = this.infrastructure;
    const [proof, firstRoot, secondRoot] = await undamaged(() =>
      Promise.all([consistencyProofOf(pool, first, second), rootAt(pool, first), rootAt(pool, second)]),
    );
    return {
      first,
      second,
      firstRoot: firstRoot.toString('base64'),
      secondRoot: secondRoot.toString('base64'),
      proof: proof.map((hash) => hash.toString('base64')),
    };
  }

  /** A leaf with its text, which is hashed: SHA-256 of a zero byte and the UTF-8 bytes of `leaf`. It holds the event whole, and sealed text sealed. */
  @Get('leaves/:sequence')
  @AsStored()
  @Roles('auditor', 'release-manager')
  async leaf(@Param('sequence') sequence: string): Promise<unknown> {
    const leaf = await this.leafOf({ sequence });
    const event = await eventOf(this.infrastructure.log, leaf);
    if (!event) {
      throw new ProblemError(
        410,
        'event-gone',
        `The event log does not hold ${leaf.stream}@${leaf.revision} any more, of which the ledger has the leaf.`,
      );
    }
    return { ...leafAnswer(leaf), leaf: leafText(event) };
  }

  private async leafOf({ eventId, sequence }: Parameters): Promise<StoredLeaf> {
    if ((eventId === undefined) === (sequence === undefined))
      throw invalid('eventId', 'Either eventId or sequence must be there, and not both.');
    if (eventId !== undefined && !(typeof eventId === 'string' && UUID.test(eventId))) throw invalid('eventId', 'This must be a UUID.');
    const by = eventId === undefined ? { sequence: wholeNumber('sequence', sequence) } : { eventId: eventId };
    const leaf = await leafBy(this.infrastructure.pool, by);
    if (leaf) return leaf;
    throw new ProblemError(404, 'leaf-unknown', 'The ledger has no such leaf. An event becomes one a moment after it is recorded.');
  }

  /** @throws ProblemError 422 the tree is not so large yet */
  private async sizeOf(name: string, given: unknown): Promise<number> {
    const { pool } = this.infrastructure;
    if (given === undefined) {
      const { rows } = await pool.query<{ size: string | null }>('select max(size) as size from ledger_checkpoint');
      if (rows[0]?.size) return Number(rows[0].size);
      throw new ProblemError(404, 'checkpoint-unknown', `Nothing is signed yet. Say ${name}.`);
    }
    const size = wholeNumber(name, given);
    const present = (await treeHead(pool))?.size ?? 0;
    if (size <= present) return size;
    throw new ProblemError(422, 'tree-too-small', `The ledger has ${present} leaves, and ${name} says ${size}.`);
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function leafAnswer({ sequence, position, eventId, stream, revision, hash }: StoredLeaf): Record<string, unknown> {
  return { sequence, position: String(position), eventId, stream, revision, leafHash: hash.toString('base64') };
}

function wholeNumber(name: string, text: unknown): number {
  if (typeof text === 'string' && /^(0|[1-9]\d{0,15})$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw invalid(name, 'This must be a whole number from 0 to 2^53-1, in decimal.');
}

function invalid(path: string, problem: string): ProblemError {
  return new ProblemError(400, 'validation', `${path}: ${problem}`, { errors: [{ path, problems: [problem] }] });
}

async function undamaged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LedgerDamaged) throw new ProblemError(503, 'ledger-damaged', error.message);
    throw error;
  }
}
