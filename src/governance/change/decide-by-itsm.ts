import { IsBoolean, IsIn, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import type { ChangeEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { change, conflictsNow, dossierDifferences, newConflicts, scheduledOf, type Change } from '#libs/policy';
import { inputsOf } from './submit-change.ts';
import { aboutChange, nowOfChange, ofChange, type ChangeVoteFacts } from './vote-on-change.ts';

const OUTSIDE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const OUTSIDE_ID_SHAPE = '1 to 128 letters, digits and . _ : -';

/** What an ITSM says in a signed webhook. */
export class ItsmDecision {
  @IsUUID() changeId: string;
  @Matches(/^[0-9a-f]{64}$/, { message: 'dossierHash must be the SHA-256 (hex) of the dossier that was decided on' }) dossierHash: string;
  @IsIn(['approved', 'rejected']) outcome: 'approved' | 'rejected';
  /** Who decided there, by the ITSM's own id, which names nobody: noted, and nobody's vote. */
  @Matches(OUTSIDE_ID, { message: `decidedBy must be the id of who decided: ${OUTSIDE_ID_SHAPE}` }) decidedBy: string;
  /** The ITSM's own id of the change. */
  @IsOptional() @Matches(OUTSIDE_ID, { message: `reference must be the id of the change there: ${OUTSIDE_ID_SHAPE}` }) reference?: string;
}

export class DecideChangeByItsm extends ItsmDecision {
  /** `webhook-id`: none is taken twice. */
  @IsString() @MaxLength(200) webhookId: string;
}

/** Sent by the timer of a change that waits for an ITSM. */
export class HandChangeToBoard {
  @IsString() dueAt: string;
}

/** Sent by the outbox. */
export class ReportChangeDelivery {
  @IsString() dossierHash: string;
  @IsBoolean() delivered: boolean;
  /** The ITSM's own id, or why it was not delivered. */
  @IsOptional() @IsString() @MaxLength(2000) detail?: string;
}

/** An ITSM's decision is one decision, on exactly the dossier that it was sent, and counts where the board has said that an ITSM decides. */
export function decideChangeByItsm(command: Issued<DecideChangeByItsm>, state: Change, { now }: ChangeVoteFacts): Decision<ChangeEvent> {
  const { changeId, meta, webhookId, dossierHash, outcome, decidedBy, reference } = command;
  const { dossier } = state;
  if (!dossier || !now) return refuse('not-found', 'change-unknown', `There is no change ${changeId}.`);
  if (state.webhookIds.includes(webhookId))
    return refuse('conflict', 'webhook-replayed', `Webhook ${webhookId} was taken already: it counts once, and is not to be sent again.`);
  if (state.route !== 'itsm')
    return refuse('conflict', 'itsm-does-not-decide', 'The board of this change does not leave decisions to an ITSM.', [
      {
        code: 'itsm-does-not-decide',
        detail: `It is decided by the ${state.route ?? 'board'}.`,
        unblockedBy: 'Define the board with itsm.',
      },
    ]);
  if (dossierHash !== state.dossierHash)
    return refuse('conflict', 'dossier-changed', 'The dossier that was decided on is not the one of this round.', [
      {
        code: 'dossier-hash-differs',
        detail: `Round ${state.round} has the dossier ${state.dossierHash ?? ''}.`,
        unblockedBy: 'Decide on that one.',
      },
    ]);
  if (state.status !== 'open') return refuse('conflict', 'change-not-open', `The change was ${state.status} already.`);
  if (state.handedToBoard) return refuse('conflict', 'board-took-over', 'The ITSM was away, and the board has taken over.');
  if (meta.now >= dossier.window.until) return refuse('conflict', 'window-over', `It was planned until ${dossier.window.until}.`);
  const differences = dossierDifferences(dossier, now, now.change?.board?.version);
  const conflicts = now.change ? conflictsNow(now, now.change, scheduledOf(dossier), dossier.class, dossier.board?.boardId) : [];
  const unseen = newConflicts(conflicts, dossier.conflicts).map((c) => c.detail);
  if (outcome === 'approved' && differences.length + unseen.length > 0)
    return refuse(
      'conflict',
      'dossier-changed',
      'What the dossier says is no longer so.',
      [...differences, ...unseen].map((detail) => ({ code: 'dossier-stale', detail, unblockedBy: 'The change is to be submitted again.' })),
    );
  return [
    {
      type: 'ChangeDecided',
      data: {
        ...ofChange(changeId, state),
        outcome,
        by: 'itsm',
        dossierHash,
        recused: [],
        conditions: [],
        conflicts,
        itsm: { webhookId, decidedBy, ...(reference ? { reference } : {}) },
        inputs: inputsOf(now, {}),
      },
    },
  ];
}

/** The board decides from here on; its members still have to. */
export function handChangeToBoard(command: Issued<HandChangeToBoard>, state: Change): Decision<ChangeEvent> {
  const { target: changeId, meta, dueAt } = command;
  if (state.status !== 'open' || state.handedToBoard || state.boardTakesOverAt !== dueAt || meta.now < dueAt) return [];
  const { delivery } = state;
  const why = delivery?.delivered
    ? 'The ITSM was told, and has not decided.'
    : delivery
      ? `The ITSM could not be told: ${delivery.detail ?? 'unknown'}.`
      : 'The ITSM was not reached.';
  return [{ type: 'ChangeHandedToBoard', data: { ...ofChange(changeId, state), waitedSince: state.submittedAt ?? dueAt, reason: why } }];
}

export function reportChangeDelivery(command: Issued<ReportChangeDelivery>, state: Change): Decision<ChangeEvent> {
  const { target: changeId, dossierHash, delivered, detail } = command;
  if (state.dossierHash !== dossierHash || state.delivery?.delivered) return [];
  const of = ofChange(changeId, state);
  if (delivered) return [{ type: 'ChangeDelivered', data: { ...of, ...(detail ? { reference: detail } : {}) } }];
  const reason = detail ?? 'unknown';
  return state.delivery?.detail === reason ? [] : [{ type: 'ChangeDeliveryFailed', data: { ...of, reason } }];
}

export const decideChangeByItsmCommand = defineCommand({
  type: DecideChangeByItsm,
  aggregate: change,
  decide: decideChangeByItsm,
  facts: nowOfChange,
  governed: (command, state) => ({ ...aboutChange(command, state), webhookId: command.webhookId }),
});
export const handChangeToBoardCommand = defineCommand({ type: HandChangeToBoard, aggregate: change, decide: handChangeToBoard });
export const reportChangeDeliveryCommand = defineCommand({ type: ReportChangeDelivery, aggregate: change, decide: reportChangeDelivery });
