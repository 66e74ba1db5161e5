"""The throwaway PostgreSQL itself: what the other tests may rely on."""

import os

import pytest
import sqlalchemy as sa

from tests import postgres

pytest_plugins = ["pytester"]


def test_each_asker_sees_an_empty_schema_of_its_own_that_is_gone_afterwards(postgres_server: str) -> None:
    with postgres.schema(postgres_server) as one, postgres.schema(postgres_server) as other:
        for url in (one, other):
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            with engine.begin() as connection:
                assert sa.inspect(connection).get_table_names() == []
                connection.execute(sa.text("CREATE TABLE same_name (n INT)"))
    with sa.create_engine(postgres_server, poolclass=sa.NullPool).connect() as connection:
        assert not [name for name in sa.inspect(connection).get_schema_names() if name.startswith("lepton_test_")]


def test_a_given_server_is_used_and_left_running(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres.GIVEN, postgres_server)
    with postgres.server() as url:
        assert url == postgres_server
    with sa.create_engine(postgres_server, poolclass=sa.NullPool).connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1


@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped"), ("true", "errors")])
def test_without_postgresql_tests_are_skipped_here_and_fail_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv(postgres.GIVEN, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    monkeypatch.setattr(postgres, "find_binaries", _nowhere)
    pytester.makeconftest("from tests.conftest import postgres_server, postgres_url")
    pytester.makepyfile("def test_it(postgres_url): pass")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rs")
    result.assert_outcomes(**{outcome: 1})
    assert "looked everywhere" in result.stdout.str()


def _nowhere() -> None:
    raise postgres.Absent("looked everywhere")
