import type { BoardEvent, ChangeEvent, PolicyEvent, ReleaseEvent, TestReportEvent, VersionLineEvent } from '#libs/contracts';
import { defineProcess, send, setTimer, type Effect } from '#libs/processes';

type Submitted = Extract<ChangeEvent, { type: 'ChangeSubmitted' }>;
type OfRelease = Extract<ReleaseEvent, { type: 'ReleaseAmended' | 'ReleasePlanned' }> | TestReportEvent | VersionLineEvent;

interface Watched {
  readonly changes: readonly string[];
}

const NONE: Watched = { changes: [] };
const look = ({ changes }: Watched): readonly Effect[] => changes.map((id) => send('VoidChangeIfChanged', id, {}));
const watching = ({ changes }: Watched, { changeId }: { readonly changeId: string }): Watched => ({
  changes: [...changes.filter((id) => id !== changeId), changeId],
});
/** Looked at once, since what they rest on has changed for good; another submission puts it back. */
const dropping = ({ changes }: Watched, target: string): Watched => ({ changes: changes.filter((id) => id !== target) });

/** Has the changes of a release looked at whenever the release, its version or its test evidence changes (principle 3). */
export const changeGuard = defineProcess<Watched, Submitted | OfRelease>({
  name: 'change_guard',
  instance: {
    ChangeSubmitted: (e) => e.data.releaseId,
    ReleaseAmended: (e) => e.data.releaseId,
    ReleasePlanned: (e) => e.data.releaseId,
    TestReportRecorded: (e) => e.data.releaseId,
    VersionAssigned: (e) => e.data.releaseId,
  },
  initial: NONE,
  evolve: (state, event) => (event.type === 'ChangeSubmitted' ? watching(state, event.data) : state),
  react: (state, input) => (input.type === 'ProcessTimerElapsed' || input.type === 'ProcessCommandRefused' ? [] : look(state)),
});

/** The same when their board is defined anew. */
export const changeBoardGuard = defineProcess<Watched, Submitted | BoardEvent>({
  name: 'change_board_guard',
  instance: { ChangeSubmitted: (e) => e.data.dossier.board?.boardId, BoardDefined: (e) => e.data.boardId },
  initial: NONE,
  evolve: (state, event) => {
    if (event.type === 'ChangeSubmitted') return watching(state, event.data);
    return event.type === 'ProcessCommandIssued' ? dropping(state, event.data.target) : state;
  },
  react: (state, input) => (input.type === 'BoardDefined' ? look(state) : []),
});

/** The same when another version of the policy comes into force, at once or on its day. */
export const changePolicyGuard = defineProcess<Watched, Submitted | PolicyEvent>({
  name: 'change_policy_guard',
  instance: { ChangeSubmitted: (e) => e.data.dossier.contents.policyId, PolicyPublished: (e) => e.data.policyId },
  initial: NONE,
  evolve: (state, event) => {
    if (event.type === 'ChangeSubmitted') return watching(state, event.data);
    return event.type === 'ProcessCommandIssued' ? dropping(state, event.data.target) : state;
  },
  react: (state, input): readonly Effect[] => {
    if (input.type === 'ProcessTimerElapsed') return look(state);
    if (input.type !== 'PolicyPublished') return [];
    const { effectiveFrom, version } = input.data;
    return effectiveFrom <= input.metadata.recordedAt ? look(state) : [setTimer(`version-${version}`, effectiveFrom)];
  },
});
