import type * as RunningAppModule from '../../support/running-app.ts';
import { startApp, type RunningApp } from '../../support/running-app.ts';
import { Stage } from '../stage.ts';
import { trueBuild, type Build } from './build.ts';

/** What came of an attack: what it was after, or what stopped it. */
export interface Attempt {
  readonly succeeded: boolean;
  /** For whoever reads a failure: the refusal, or the gain. */
  readonly what: string;
}

/** An attack, and the same thing done rightly. Both are played on whatever build they are given. */
export interface Scenario {
  readonly legitimate: (product: Product) => Promise<void>;
  readonly attack: (product: Product) => Promise<Attempt>;
}

/** A build at work. Its programs are started when they are first asked for, one for each environment. */
export class Product {
  private readonly stages = new Map<string, Promise<Stage>>();
  private readonly apps: RunningApp[] = [];
  private names = 0;

  constructor(readonly build: Build) {}

  /** A running Plimsoll of this build, with persons on it. */
  stage(environment: Readonly<Record<string, string>> = {}): Promise<Stage> {
    const key = JSON.stringify(environment);
    const stage = this.stages.get(key) ?? this.start(environment);
    this.stages.set(key, stage);
    return stage;
  }

  /** A name that nothing has yet, so that scenarios do not meet. */
  name(of: string): string {
    return `${of}-${++this.names}`;
  }

  async stop(): Promise<void> {
    for (const app of this.apps.splice(0)) await app.stop();
  }

  private async start(environment: Readonly<Record<string, string>>): Promise<Stage> {
    const start = this.build === trueBuild ? startApp : this.build.load<typeof RunningAppModule>('test/support/running-app.ts').startApp;
    const app = await start(environment);
    this.apps.push(app);
    return await Stage.on(app);
  }
}
