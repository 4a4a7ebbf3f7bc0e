// The one error class and the table of its codes. Everything that can go wrong in the world has a
// code here; a failed assertion is a bug of ours and ends as INTERNAL.

type ErrorKind = {
  /** What happened, in one sentence. */
  readonly summary: string;
  /** What the user can do next. */
  readonly hint: string;
  /** Exit status, see docs/errors.md: 2 usage, 3 infrastructure, 4 timeout, 70 our bug. */
  readonly exit: 2 | 3 | 4 | 70;
  readonly retry: 'terminal' | 'retryable';
};

export const errorCodes = {
  USAGE: {
    summary: 'The command line is not understood.',
    hint: 'Run the command with --help.',
    exit: 2,
    retry: 'terminal',
  },
  SPEC_INVALID: {
    summary: 'The spec has problems.',
    hint: 'Correct the places that are named; docs/spec.md describes every field.',
    exit: 2,
    retry: 'terminal',
  },
  SPEC_UNREADABLE: {
    summary: 'The spec file cannot be read.',
    hint: 'Give the path of one readable YAML file of at most 1 MiB.',
    exit: 2,
    retry: 'terminal',
  },
  REPORT_UNWRITABLE: {
    summary: 'The report cannot be written where it was asked for.',
    hint: 'Give --report a directory that can be made and written to.',
    exit: 2,
    retry: 'terminal',
  },
  CAPABILITY_MISSING: {
    summary: 'This machine lacks something that the spec needs.',
    hint: 'Run `peerstorm doctor` to see what brings it.',
    exit: 3,
    retry: 'terminal',
  },
  NOT_FOUND: {
    summary: 'There is no such running testnet, node or fault.',
    hint: 'Run `peerstorm status` to see what runs.',
    exit: 2,
    retry: 'terminal',
  },
  NAME_TAKEN: {
    summary: 'A testnet of that name is running already.',
    hint: 'Stop it with `peerstorm down NAME`, or choose another with --name.',
    exit: 2,
    retry: 'terminal',
  },
  START_FAILED: {
    summary: 'The testnet could not be started.',
    hint: 'Read the last log lines above; all logs are in the report.',
    exit: 3,
    retry: 'retryable',
  },
  ENFORCE_FAILED: {
    summary: 'The kernel refused a change of the fault rules.',
    hint: 'Run `peerstorm doctor`; the message of the kernel tool is above.',
    exit: 3,
    retry: 'retryable',
  },
  COMMAND_FAILED: {
    summary: 'A program that Peerstorm needs has failed.',
    hint: 'Its own message is above.',
    exit: 3,
    retry: 'retryable',
  },
  NODE_UNREADABLE: {
    summary: 'The answer of a node is not understood.',
    hint: 'Check the version of the program, and `observe` in the config of its group.',
    exit: 3,
    retry: 'retryable',
  },
  CONTACT_LOST: {
    summary: 'The supervisor of the testnet is gone.',
    hint: 'Its log is in the report; nothing of it is left running.',
    exit: 3,
    retry: 'retryable',
  },
  TIMEOUT: {
    summary: 'The time limit was reached.',
    hint: 'Raise --timeout, or shorten the timeline.',
    exit: 4,
    retry: 'retryable',
  },
  CLUSTER_UNKNOWN: {
    summary: 'Where the Kubernetes cluster is, or as whom to speak to it, is not known.',
    hint: 'Give --kubeconfig and --context, or set KUBECONFIG.',
    exit: 2,
    retry: 'terminal',
  },
  CHART_MISSING: {
    summary: 'Peerstorm is not installed in the Kubernetes cluster.',
    hint: 'Install it: `helm install peerstorm charts/peerstorm --namespace peerstorm-system --create-namespace --wait`; docs/kubernetes.md tells the rest.',
    exit: 3,
    retry: 'terminal',
  },
  CONTROLLER_SILENT: {
    summary: 'The controller in the Kubernetes cluster does not do its work.',
    hint: 'Read `kubectl logs --namespace peerstorm-system deployment/peerstorm-controller`.',
    exit: 3,
    retry: 'retryable',
  },
  API_UNREACHABLE: {
    summary: 'The Kubernetes API server does not answer.',
    hint: 'Check that the cluster runs, and that this machine reaches the server that is named.',
    exit: 3,
    retry: 'retryable',
  },
  API_FORBIDDEN: {
    summary: 'The Kubernetes API server refuses this user.',
    hint: 'Log in again, or have the right granted that is named; docs/kubernetes.md lists them.',
    exit: 3,
    retry: 'terminal',
  },
  API_ABSENT: {
    summary: 'The Kubernetes API server knows no such kind of object.',
    hint: 'Install the chart, or the version of it that fits; docs/kubernetes.md says how.',
    exit: 3,
    retry: 'terminal',
  },
  API_CONFLICT: {
    summary: 'The Kubernetes API has another version of the object, or one of that name already.',
    hint: 'Look at the object that is named; what another Testnet owns is never taken over.',
    exit: 3,
    retry: 'retryable',
  },
  API_INVALID: {
    summary: 'The Kubernetes API server refuses an object as invalid.',
    hint: 'Its own message is above; the chart may be of another version than this program.',
    exit: 3,
    retry: 'terminal',
  },
  API_BUSY: {
    summary: 'The Kubernetes API server is overloaded, and stayed so.',
    hint: 'Try again later.',
    exit: 3,
    retry: 'retryable',
  },
  API_ERROR: {
    summary: 'The Kubernetes API server failed.',
    hint: 'Its own message is above.',
    exit: 3,
    retry: 'retryable',
  },
  INTERNAL: {
    summary: 'A bug in Peerstorm.',
    hint: 'Please report it with the report directory.',
    exit: 70,
    retry: 'terminal',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCodes;

export class PeerstormError extends Error {
  override readonly name = 'PeerstormError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get exit(): number {
    return errorCodes[this.code].exit;
  }

  get hint(): string {
    return errorCodes[this.code].hint;
  }
}

/** Makes the error to throw: `throw fail('TIMEOUT', 'no peer after 60 s')`. */
export function fail(code: ErrorCode, message: string, cause?: unknown): PeerstormError {
  return new PeerstormError(code, message, cause === undefined ? undefined : { cause });
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
