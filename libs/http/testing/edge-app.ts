import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type Provider, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { EmbeddedIssuer, TokenVerifier } from '#libs/identity';
import { TOKEN_VERIFIER } from '../auth.ts';
import { EMBEDDED_ISSUER } from '../dev-token.controller.ts';
import { createFastifyAdapter, HttpEdgeModule, setupHttpEdge } from '../http-edge.module.ts';

export interface EdgeApp {
  readonly app: NestFastifyApplication;
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** `Bearer …` for a person with these roles. */
  bearer(subject?: string, roles?: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** A small real application on loopback with the whole edge in front of the given controllers. */
export async function startEdgeApp(options: {
  controllers: readonly Type[];
  providers?: readonly Provider[];
  limitBytes?: number;
  before?: (app: NestFastifyApplication) => void;
}): Promise<EdgeApp> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-edge-'));
  const issuer = await EmbeddedIssuer.open({ folder });
  const providers = [
    { provide: TOKEN_VERIFIER, useValue: new TokenVerifier([issuer.configuration()]) },
    { provide: EMBEDDED_ISSUER, useValue: issuer },
    ...(options.providers ?? []),
  ];

  @Module({
    imports: [HttpEdgeModule.register({ providers })],
    controllers: [...options.controllers],
    providers: [{ provide: EMBEDDED_ISSUER, useValue: issuer }],
  })
  class EdgeAppModule {}

  const app = await NestFactory.create<NestFastifyApplication>(EdgeAppModule, createFastifyAdapter(), {
    logger: false,
    forceCloseConnections: true,
  });
  await setupHttpEdge(app, options.limitBytes === undefined ? {} : { limitBytes: options.limitBytes });
  options.before?.(app);
  await app.listen(0, '127.0.0.1');
  return {
    app,
    url: await app.getUrl(),
    bearer: async (subject = 'dora', roles = []) => `Bearer ${(await issuer.issue({ subject, roles })).token}`,
    close: async () => {
      await app.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
