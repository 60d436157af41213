import type { Provider } from '@nestjs/common';
import { loadFrameworks } from '#libs/compliance';

/** Injection token of the frameworks that reports can be held against, `readonly Framework[]`. */
export const COMPLIANCE_FRAMEWORKS = Symbol('COMPLIANCE_FRAMEWORKS');

/** Read before anything is served: a mapping that is not as it must be is noticed when Plimsoll starts, and not by an auditor. */
export const complianceFrameworks: Provider = { provide: COMPLIANCE_FRAMEWORKS, useFactory: () => loadFrameworks() };
