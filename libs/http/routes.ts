import { Injectable, RequestMethod, type ExecutionContext, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';

/** Key of what `@Roles` says. */
export const ROLES = 'plimsoll:roles';
/** Key of what `@Action` says. */
export const ACTION = 'plimsoll:action';
/** Key of what `@Vouches` says. */
export const VOUCHES = 'plimsoll:vouches';

const NO_COMMAND: readonly unknown[] = [Object, String, Number, Boolean, Array, Promise, Function];

/** What `@Roles` says of a route; the method's word counts before the class's. */
export function rolesOf(reflector: Reflector, context: Pick<ExecutionContext, 'getHandler' | 'getClass'>): readonly string[] | undefined {
  return reflector.getAllAndOverride<readonly string[] | undefined>(ROLES, [context.getHandler(), context.getClass()]);
}

/** What `@Vouches` says of a route. */
export function vouchesOf(handler: object): boolean {
  return Reflect.getMetadata(VOUCHES, handler) === true;
}

/** What a route does, by name: what `@Action` says, the command that its body is, else the handler's own name (`rejectRole` → `RejectRole`). */
export function actionOf(controller: Type, handler: { readonly name: string }): string {
  const said = Reflect.getMetadata(ACTION, Reflect.get(controller.prototype as object, handler.name) as object) as string | undefined;
  if (said !== undefined) return said;
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, handler.name) ?? []) as unknown[];
  const command = types.find((type): type is Type => typeof type === 'function' && !NO_COMMAND.includes(type));
  const posts = Reflect.getMetadata(METHOD_METADATA, handler) === RequestMethod.POST;
  if (posts && command) return command.name;
  return handler.name.charAt(0).toUpperCase() + handler.name.slice(1);
}

/** A route for which roles count. */
export interface GuardedRoute {
  readonly action: string;
  readonly method: string;
  readonly path: string;
  /** Any of them; none where everybody may who is known. */
  readonly roles: readonly string[];
  /** One person vouches there for what another one asked or did: no program does. */
  readonly vouches: boolean;
}

/** Every route for which roles count, read off the controllers themselves: POSTs, and whatever `@Roles` names. */
@Injectable()
export class GuardedRoutes {
  private found: readonly GuardedRoute[] | undefined;
  private byAction: Readonly<Record<string, readonly string[]>> | undefined;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly reflector: Reflector,
  ) {}

  /** Sorted by action. To be asked once everything is wired up. */
  all(): readonly GuardedRoute[] {
    this.found ??= this.find();
    return this.found;
  }

  /** Which roles each action needs; the same object every time. */
  table(): Readonly<Record<string, readonly string[]>> {
    this.byAction ??= Object.fromEntries(this.all().map(({ action, roles }) => [action, roles]));
    return this.byAction;
  }

  /** The actions by which one person vouches for what another one asked or did. */
  vouching(): readonly string[] {
    return [...new Set(this.all().flatMap(({ action, vouches }) => (vouches ? [action] : [])))];
  }

  private find(): readonly GuardedRoute[] {
    const scanner = new MetadataScanner();
    const controllers = new Set([...this.modules.values()].flatMap((m) => [...m.controllers.values()].map((c) => c.metatype as Type)));
    return [...controllers]
      .flatMap((controller) =>
        scanner.getAllMethodNames(controller.prototype as object).flatMap((name): GuardedRoute[] => {
          const handler = (controller.prototype as Record<string, () => unknown>)[name];
          const method = handler && (Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined);
          if (
            !handler ||
            method === undefined ||
            Reflect.getMetadata('plimsoll:public', handler) ||
            Reflect.getMetadata('plimsoll:public', controller)
          )
            return [];
          const roles = rolesOf(this.reflector, { getHandler: () => handler, getClass: <T>() => controller as T as Type<T> });
          if (method !== RequestMethod.POST && roles === undefined) return [];
          const path = [controller, handler].map((place) => String(Reflect.getMetadata(PATH_METADATA, place) ?? '')).join('/');
          return [
            {
              action: actionOf(controller, handler),
              method: RequestMethod[method] ?? '',
              path: `/${path}`,
              roles: roles ?? [],
              vouches: vouchesOf(handler),
            },
          ];
        }),
      )
      .sort((a, b) => (a.action < b.action ? -1 : 1));
  }
}
