import type { Client } from './client.ts';
import { approve, digestOf, makeRelease, POLICY, step } from './load.ts';
import type { SmokedService } from './smoked-service.ts';
import { holdsWithin } from './waiting.ts';

/** Steps of each deployment: a diamond with a tail. */
export const STEPS = ['prepare', 'left', 'right', 'switch', 'tidy'] as const;
const STEP_MS = 400;
const ENDED = ['succeeded', 'failed', 'halted'];

/** Deployments that are started while the product is killed, each in an environment of its own. */
export class Deployments {
  readonly ids: string[] = [];
  /** Of those, the ones whose smoke suite finds something else running than what was deployed. */
  readonly bad = new Set<string>();
  private readonly ended = new Map<string, string>();

  constructor(
    private readonly author: Client,
    private readonly approver: Client,
    private readonly deployer: Client,
    /** Where the steps write what they did. */
    readonly effects: string,
    private readonly service: SmokedService,
  ) {}

  /**
   * Makes, approves and starts one. The deployer is impatient and asks for the start before the approval, which mostly is refused;
   * whether it is must not depend on how often the question had to be repeated.
   */
  async start(): Promise<void> {
    const environment = `slot-${this.ids.length + 1}`;
    await this.author.must('/v1/environments/environments', { environment, class: 'test', policyId: POLICY });
    const steps = [
      step('prepare', [], this.effects, STEP_MS),
      step('left', ['prepare'], this.effects, STEP_MS),
      step('right', ['prepare'], this.effects, STEP_MS),
      step('switch', ['left', 'right'], this.effects, STEP_MS),
      step('tidy', ['switch'], this.effects, STEP_MS),
    ];
    const name = `deployed-${environment}`;
    const bad = this.ids.length % 2 === 1;
    const smoke = this.service.suiteFinding(`sha256:${digestOf(bad ? 'something else' : name)}`);
    const releaseId = await makeRelease(this.author, { name, environment, steps, smoke });
    const ask = (): ReturnType<Client['command']> => this.deployer.command('/v1/deployments/deployments', { releaseId, environment });
    const [early] = await Promise.all([ask(), approve(this.author, this.approver, releaseId, environment)]);
    const { answer, refusal } = early.answer ? early : await ask();
    if (!answer) throw new Error(`An approved deployment was refused: ${refusal?.type}: ${refusal?.detail}`);
    this.ids.push(answer.id);
    if (bad) this.bad.add(answer.id);
  }

  /** Ids of those that have not ended yet. */
  async underWay(): Promise<readonly string[]> {
    for (const id of this.ids.filter((i) => !this.ended.has(i))) {
      const { status } = await this.deployer.read<{ status: string }>(`/v1/deployments/deployments/${id}`);
      if (ENDED.includes(status)) this.ended.set(id, status);
    }
    return this.ids.filter((id) => !this.ended.has(id));
  }

  /** How each has ended; `under way` where it has not in time. */
  async outcomes(withinMs: number): Promise<ReadonlyMap<string, string>> {
    await holdsWithin(async () => (await this.underWay()).length === 0, withinMs);
    return new Map(this.ids.map((id) => [id, this.ended.get(id) ?? 'under way']));
  }
}
