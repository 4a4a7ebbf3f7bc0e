// What Prometheus and Grafana need to show one run: a configuration that scrapes it, our rules, our
// dashboards, and a compose file that starts both beside it. Written, never started. All ports are
// on localhost only, like the page of the run itself.
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

const source = join(import.meta.dirname, '../../dashboards');

/** For the page at that URL. Gives the folder, which is made inside of `directory`. */
export async function writePrometheusFiles(directory: string, url: string): Promise<string> {
  const folder = join(directory, 'prometheus');
  const dashboards = join(folder, 'dashboards');
  await mkdir(dashboards, { recursive: true });
  const files: Readonly<Record<string, unknown>> = {
    'prometheus.yml': prometheusConfig(new URL(url)),
    'rules.yaml': await rulesOfTestnets(),
    'datasources.yaml': datasources,
    'dashboards.yaml': providers,
    'compose.yaml': compose,
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), stringify(content));
  }
  for (const name of await readdir(source)) {
    if (name.endsWith('.json')) await cp(join(source, name), join(dashboards, name));
  }
  return folder;
}

/** A page of 300 nodes takes some time: scraped more often, Peerstorm would do little else. */
const interval = '2s';

function prometheusConfig({ host, pathname }: URL) {
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['rules.yaml'],
    scrape_configs: [
      {
        job_name: 'peerstorm',
        metrics_path: pathname,
        honor_labels: true,
        static_configs: [{ targets: [host] }],
      },
    ],
  };
}

const ruleFile = z.looseObject({ groups: z.array(z.looseObject({ name: z.string() })) });

/** Without those that speak of pods of ours, which a run on one machine does not have. */
async function rulesOfTestnets() {
  const { groups } = ruleFile.parse(parse(await readFile(join(source, 'rules.yaml'), 'utf8')));
  return { groups: groups.filter(({ name }) => name !== 'peerstorm-kubernetes') };
}

const datasources = {
  apiVersion: 1,
  datasources: [
    {
      name: 'Prometheus',
      type: 'prometheus',
      access: 'proxy',
      url: 'http://127.0.0.1:9090',
      isDefault: true,
      jsonData: { timeInterval: interval },
    },
  ],
};

const providers = {
  apiVersion: 1,
  providers: [
    {
      name: 'peerstorm',
      type: 'file',
      options: { path: '/var/lib/grafana/dashboards' },
    },
  ],
};

/** In the network of the host: the page of the run is on its localhost, and nowhere else. */
const compose = {
  services: {
    prometheus: {
      image: 'prom/prometheus:v3.5.0',
      network_mode: 'host',
      command: [
        '--config.file=/etc/prometheus/prometheus.yml',
        '--web.listen-address=127.0.0.1:9090',
      ],
      volumes: [
        './prometheus.yml:/etc/prometheus/prometheus.yml:ro',
        './rules.yaml:/etc/prometheus/rules.yaml:ro',
      ],
    },
    grafana: {
      image: 'grafana/grafana:12.1.0',
      network_mode: 'host',
      environment: {
        GF_SERVER_HTTP_ADDR: '127.0.0.1',
        GF_AUTH_ANONYMOUS_ENABLED: 'true',
        GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
        GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: '/var/lib/grafana/dashboards/network.json',
      },
      volumes: [
        './datasources.yaml:/etc/grafana/provisioning/datasources/peerstorm.yaml:ro',
        './dashboards.yaml:/etc/grafana/provisioning/dashboards/peerstorm.yaml:ro',
        './dashboards:/var/lib/grafana/dashboards:ro',
      ],
    },
  },
};
