import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ListParameters, View, WholeView } from '#libs/http';
import { dutyViolationList, DutyViolations } from './views/duty-violations/duty-violations.query.ts';
import { roleGrantListing, RoleGrantPage, WhoCould } from './views/role-grants/role-grants.query.ts';

@Controller('v1/governance')
export class IdentityViewsController {
  constructor(private readonly queries: QueryBus) {}

  @Get('role-grants')
  @View('role-grants')
  @ListParameters(roleGrantListing)
  roleGrants(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new RoleGrantPage(roleGrantListing.parse(query)));
  }

  @Get('duty-violations')
  @View('duty-violations')
  @ListParameters(dutyViolationList)
  dutyViolations(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new DutyViolations(dutyViolationList.parse(query)));
  }

  /** Who could do something at a time, decided on the streams as they were then. `action` is the name of a command, such as StartDeployment. */
  @Get('who-could')
  @View('role-grants')
  @WholeView()
  whoCould(
    @Query('action') action?: string,
    @Query('environment') environment?: string,
    @Query('service') service?: string,
    @Query('team') team?: string,
    @Query('at') at?: string,
  ): Promise<unknown> {
    const asked = Object.entries({ action, environment, service, team, at }).filter(([, value]) => typeof value === 'string');
    return this.queries.execute(new WhoCould(Object.fromEntries(asked)));
  }
}
