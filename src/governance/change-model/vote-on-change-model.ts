import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import type { BoardVote, ChangeModelEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import {
  actsOf,
  board,
  changeModel,
  countVotes,
  knownNow,
  personsOf,
  readGroups,
  standingOf,
  votesNow,
  type Board,
  type ChangeHands,
  type ChangeModel,
} from '#libs/policy';

export class VoteOnChangeModel {
  /** What is voted on is named, not assumed: the contentsHash that the model shows. */
  @Matches(/^[0-9a-f]{64}$/, { message: 'contentsHash must be the SHA-256 (hex) that the model shows' }) contentsHash: string;
  @IsIn(['for', 'against', 'abstain']) vote: BoardVote;
  @IsOptional() @IsString() @MaxLength(2000) comment?: string;
}

export interface ModelVoteFacts {
  readonly board: Board;
  readonly members: readonly string[];
  /** Who proposed the newest version and voted on it, as known now. */
  readonly hands: ChangeHands;
}

const NOBODY: ChangeHands = { requesters: [], voters: {}, confirmers: {}, reviewers: [], persons: { now: {}, refs: [] }, left: [] };

/** The board's quorum decides on a model once, for every change that will match it; whoever proposed it does not vote. */
export function voteOnChangeModel(
  command: Issued<VoteOnChangeModel>,
  state: ChangeModel,
  facts: ModelVoteFacts,
): Decision<ChangeModelEvent> {
  const { target: modelId, meta, contentsHash, vote, comment } = command;
  const { person } = meta.actor;
  const proposed = state.versions.at(-1);
  if (!proposed) return refuse('not-found', 'changemodel-unknown', `There is no change model ${modelId}.`);
  if (proposed.contentsHash !== contentsHash)
    return refuse('conflict', 'model-changed', 'The newest version of the model says something else than what you would vote on.', [
      {
        code: 'contents-hash-differs',
        detail: `The newest version is ${proposed.contentsHash}.`,
        unblockedBy: 'Read the model and vote on that.',
      },
    ]);
  if (proposed.status !== 'proposed') {
    return proposed.votes.some((v) => v.person === person && v.vote === vote)
      ? []
      : refuse(
          'conflict',
          'model-decided',
          `Version ${proposed.version} of model ${modelId} is ${proposed.status}: it is voted on no more.`,
        );
  }
  const { contents } = facts.board;
  if (!contents) return refuse('not-found', 'board-unknown', `There is no board ${proposed.boardId}.`);
  if (!facts.members.includes(person)) return notAMember(contents.group);
  const { hands } = facts;
  const proposers = [proposed.proposer, ...hands.requesters.flatMap((one) => personsOf(one, hands.persons))];
  const duties = [...new Set(proposers)].map((one) => ({ person: one, duty: 'requester' as const, evidence: `changemodel-${modelId}` }));
  const standing = standingOf(facts.members, duties, []);
  const own = standing.recused.find((r) => r.person === person);
  if (own)
    return refuse('duty', 'recused', 'You proposed it: others of the board decide.', [
      {
        code: 'recused',
        detail: own.reason,
        evidence: hands.persons.refs,
        unblockedBy: `${standing.eligible.slice(0, 10).join(', ') || 'Others'} can vote.`,
      },
    ]);
  const before = proposed.votes.find((v) => personsOf(hands.voters[v.person] ?? v, hands.persons).includes(person));
  if (before) return before.vote === vote ? [] : refuse('conflict', 'voted-already', `You voted ${before.vote}: a vote is cast once.`);
  const of = { modelId, version: proposed.version, contentsHash };
  const cast: ChangeModelEvent = { type: 'ChangeModelVoteCast', data: { ...of, person, vote, ...(comment ? { comment } : {}) } };
  const earlier = votesNow(proposed.votes, hands, facts.members).votes;
  const { outcome, tally } = countVotes([...earlier, { person, vote, conditions: [] }], contents, standing.eligible);
  // A model that nobody is for is not approved: what is put off for a change is no for a model.
  if (!outcome) return [cast];
  return [
    cast,
    {
      type: 'ChangeModelDecided',
      data: { ...of, outcome: outcome === 'approved' ? 'approved' : 'rejected', tally, recused: standing.recused },
    },
  ];
}

export function notAMember(group: string): ReturnType<typeof refuse> {
  return refuse('duty', 'not-a-member', `Only members of group ${group} vote.`, [
    { code: 'not-a-member', detail: `You are not in group ${group} at present.`, unblockedBy: 'A member votes.' },
  ]);
}

export const voteOnChangeModelCommand = defineCommand({
  type: VoteOnChangeModel,
  vouches: true,
  personal: ['comment'],
  aggregate: changeModel,
  decide: voteOnChangeModel,
  facts: async (read, { target }, state): Promise<ModelVoteFacts> => {
    const version = state.versions.at(-1)?.version;
    const acts = (await read(actsOf(changeModel.category), target)).state.filter(({ data }) => data['version'] === version);
    const { hands } = await knownNow(read, {
      ...NOBODY,
      requesters: acts.flatMap(({ type, by }) => (type === 'ChangeModelProposed' ? [by] : [])),
      voters: Object.fromEntries(acts.flatMap(({ type, by }) => (type === 'ChangeModelVoteCast' ? [[by.person, by]] : []))),
    });
    const boardId = state.versions.at(-1)?.boardId;
    if (boardId === undefined) return { board: board.initial, members: [], hands };
    const loaded = (await read(board, boardId)).state;
    const { group } = loaded.contents ?? {};
    return { board: loaded, hands, members: group === undefined ? [] : ((await readGroups(read, [group])).members[group] ?? []) };
  },
  governed: (command) => ({ modelId: command.target }),
});
