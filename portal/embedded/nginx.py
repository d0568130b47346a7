"""nginx in front of the two web servers, as in production: routes, streams, bytes by X-Accel."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from string import Template

from portal.delivery.errors import TooManyStreams
from portal.embedded.errors import EmbeddedError
from portal.embedded.files import private_folder
from portal.errors import TooLarge
from portal.observability.logs import SECRET_PATHS

PROTECTED = "/_protected/"
TRANSFERS = "transfers.log"
CONFIG = Template("""\
daemon off;
worker_processes 2;
pid $home/nginx.pid;
error_log $logs/nginx.log warn;
$user
events { worker_connections 1024; }
http {
    # The path as it was asked for, and no query, referrer or network address: what opens something
    # stands in the path of a link, and an nginx log forgets nothing by itself.
    map $$uri $$masked {
$masks
        default $$uri;
    }
    # A body over the limit is refused here; each protocol's clients read their own form.
    map $$uri $$too_large {
        ~^/api/v1/ '$rest_too_large';
        ~^/v1/ '$openai_too_large';
        default '$hub_too_large';
    }
    log_format masked '$$time_iso8601 "$$request_method $$asked" $$status '
                      '$$body_bytes_sent $$request_time $$sent_http_x_request_id';
    access_log $logs/access.log masked;
    # What was sent of a download, for the portal's account of it; it reads this from time to time.
    log_format transfer escape=json '{"download":"$$download","status":$$status,'
                                    '"bytes":$$body_bytes_sent,"ended":$$msec}';
    limit_conn_zone $$person zone=people:10m;  # nobody's are not counted
    default_type application/octet-stream;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    client_max_body_size 256m;
    client_body_temp_path $home/body;
    proxy_temp_path $home/proxy;
    fastcgi_temp_path $home/fastcgi;
    uwsgi_temp_path $home/uwsgi;
    scgi_temp_path $home/scgi;

    upstream pages { server unix:$pages fail_timeout=0; }
    upstream streams { server unix:$streams fail_timeout=0; }
    upstream bytes { server unix:$bytes; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $$http_host;
    proxy_set_header X-Forwarded-For $$remote_addr;
    proxy_set_header X-Forwarded-Proto $$scheme;
    proxy_set_header X-Forwarded-Host $$http_host;
    proxy_read_timeout 300s;
    proxy_request_buffering off;

    server {
        listen $address:$port;
        error_page 413 @too_large;
        set $$asked $$masked;  # read before X-Accel-Redirect puts another path in its place
        location / { proxy_pass http://pages; }
        location ~ $secret_paths {
            error_log /dev/null;  # its lines quote the whole request; the access log has the status
            proxy_pass http://pages;
            proxy_hide_header Referrer-Policy;  # the next request would quote the whole address
            add_header Referrer-Policy strict-origin always;
        }
        location ~ ^/v1/|/events$$ {
            proxy_pass http://streams;
            proxy_buffering off;
            proxy_read_timeout 3600s;
        }
        location ^~ /-/u/ {  # files on their way in, of any size; before the secret paths' own rule
            error_log /dev/null;
            proxy_pass http://streams;
            client_max_body_size 0;
            proxy_read_timeout 3600s;
        }
        location $protected {
            internal;
            error_log /dev/null;  # what led here is a signed link
            access_log $logs/access.log masked;
            access_log $logs/$transfers transfer;
            set $$download $$upstream_http_x_weightgate_download;
            set $$person $$upstream_http_x_weightgate_person;
            $limit
            add_header X-Request-Id $$upstream_http_x_request_id always;
            alias $blobs/;
            etag off;  # the portal's own: it names the blob, nginx's the file's time
            add_header ETag $$upstream_http_etag;
            add_header X-Repo-Commit $$upstream_http_x_repo_commit;
            add_header X-Linked-Etag $$upstream_http_x_linked_etag;
            add_header Link $$upstream_http_link;
            add_header X-Licence-Attribution $$upstream_http_x_licence_attribution;
            add_header X-Content-Type-Options $$upstream_http_x_content_type_options;
            add_header Referrer-Policy $$upstream_http_referrer_policy;
            add_header Strict-Transport-Security $$upstream_http_strict_transport_security;
        }
        location ${protected}ranged/ {
            internal;  # an If-Range that the portal found to hold, and nginx can't judge
            error_log /dev/null;
            access_log $logs/access.log masked;
            access_log $logs/$transfers transfer;
            set $$download $$upstream_http_x_weightgate_download;
            set $$person $$upstream_http_x_weightgate_person;
            $limit
            set $$kept_request $$upstream_http_x_request_id;
            set $$kept_etag $$upstream_http_etag;
            set $$kept_commit $$upstream_http_x_repo_commit;
            set $$kept_link $$upstream_http_link;
            set $$kept_attribution $$upstream_http_x_licence_attribution;
            set $$kept_options $$upstream_http_x_content_type_options;
            set $$kept_referrer $$upstream_http_referrer_policy;
            set $$kept_transport $$upstream_http_strict_transport_security;
            rewrite ^${protected}ranged/(.*)$$ /$$1 break;
            proxy_pass http://bytes;
            proxy_set_header If-Range "";
            proxy_set_header Authorization "";
            proxy_max_temp_file_size 0;
            add_header X-Request-Id $$kept_request always;
            add_header ETag $$kept_etag;
            add_header X-Repo-Commit $$kept_commit;
            add_header X-Linked-Etag $$kept_etag;
            add_header Link $$kept_link;
            add_header X-Licence-Attribution $$kept_attribution;
            add_header X-Content-Type-Options $$kept_options;
            add_header Referrer-Policy $$kept_referrer;
            add_header Strict-Transport-Security $$kept_transport;
        }
        location @too_large {
            default_type application/json;
            add_header X-Error-Message "$hub_line" always;
            return 413 $$too_large;
        }
        location @too_many {
            access_log $logs/access.log masked;
            access_log $logs/$transfers transfer;
            default_type "text/plain; charset=utf-8";
            add_header X-Error-Message "$too_many" always;
            add_header RateLimit '"$resource";r=0;t=$wait' always;
            add_header Retry-After $wait always;
            return 429 "$too_many\n";
        }
    }
    server {
        listen unix:$bytes;
        access_log off;  # whoever asked is logged already
        root $blobs;
        etag off;
    }
}
""")


def _too_large() -> dict[str, str]:
    """Word one refusal in the form of each surface, as ``portal.surfaces`` does."""
    line = "Send at most 256 MB at once. Larger files go through the LFS batch."
    rest = {"code": TooLarge.code, "message": line, "fields": {}, "help_url": ""}
    kind = "invalid_request_error"
    openai = {"message": line, "type": kind, "param": None, "code": TooLarge.code}
    return {
        "hub_line": line,
        "hub_too_large": json.dumps({"error": line}),
        "rest_too_large": json.dumps({"error": rest}),
        "openai_too_large": json.dumps({"error": openai}),
    }


def program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise EmbeddedError(
            "nginx is not installed, and --web split needs it: "
            "install your system's nginx (Debian: nginx-light), or use --web single."
        )
    return found


def command(config: Path, log: Path, inner: Path) -> list[str]:
    """nginx never removes a socket that a kill -9 left, and wouldn't start beside it."""
    start = [program(), "-c", str(config), "-e", str(log)]
    return ["/bin/sh", "-c", 'rm -f "$0"; exec "$@"', str(inner), *start]


def write_config(
    *,
    var: Path,
    port: int,
    pages: Path,
    streams: Path,
    inner: Path,
    blobs: Path,
    max_downloads: int,
) -> Path:
    """``inner``: the socket of nginx's own, by which it asks itself for bytes.

    ``max_downloads``: of one person at once; 0 for no limit.
    """
    refusal = TooManyStreams(max_downloads)
    limit = f"limit_conn people {max_downloads}; limit_conn_status 429; error_page 429 = @too_many;"
    home = private_folder(var / "nginx")
    path = home / "nginx.conf"
    path.write_text(
        CONFIG.substitute(
            home=home,
            logs=var / "logs",
            user="user root;" if os.geteuid() == 0 else "",  # as root, everything here is root's
            pages=pages,
            streams=streams,
            bytes=inner,
            address="127.0.0.1",
            port=port,
            protected=PROTECTED,
            transfers=TRANSFERS,
            limit=limit if max_downloads else "",
            **_too_large(),
            too_many=refusal.message,
            resource=refusal.resource,
            wait=refusal.retry_after_seconds,
            masks="\n".join(f"        ~^{path} {path}***;" for path in SECRET_PATHS),
            secret_paths=f"^({'|'.join(SECRET_PATHS)})",
            blobs=blobs,
        )
    )
    return path
