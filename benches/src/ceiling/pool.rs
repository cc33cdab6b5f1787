//! Connections to PostgreSQL with their statements prepared, as many as Parlor may have.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use super::broken;
use crate::{names, sql};

/// A connection and what it has prepared.
pub struct Connection {
    pub client: Client,
    pub login: Statement,
    pub advance: Statement,
    pub insert: Statement,
    pub mark_read: Statement,
    pub seat: Statement,
    pub newest: Statement,
    pub people: Statement,
    pub missed: Statement,
}

/// Some connections, taken in turns.
pub struct Pool {
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

/// A connection until dropped.
pub struct Taken<'a> {
    pool: &'a Pool,
    /// Taken when dropped only.
    connection: Option<Connection>,
    _place: SemaphorePermit<'a>,
}

impl Pool {
    /// All connections at once.
    pub async fn new(database: &str, size: usize) -> Result<Self> {
        let mut idle = Vec::with_capacity(size);
        for _ in 0..size {
            idle.push(connect(database).await?);
        }
        Ok(Self {
            places: Semaphore::new(size),
            idle: Mutex::new(idle),
        })
    }

    /// The next that is free.
    pub async fn take(&self) -> Result<Taken<'_>, StatusCode> {
        let place = self.places.acquire().await.map_err(broken)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Taken {
            pool: self,
            connection: idle.pop(),
            _place: place,
        })
    }
}

impl Deref for Taken<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("there are as many as places")
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut idle = self
            .pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

impl Connection {
    /// Who holds this token, if it is ours, has not expired, and its login is open.
    pub async fn identify(&self, token: &str) -> Result<Uuid, StatusCode> {
        let claims = names::check_token(token).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let login = self
            .client
            .query_opt(&self.login, &[&claims.sid])
            .await
            .map_err(broken)?
            .ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(login.get(1))
    }

    /// That the person is in the session.
    pub async fn prove_seat(&self, session: Uuid, user: Uuid) -> Result<(), StatusCode> {
        self.client
            .query_opt(&self.seat, &[&session, &user])
            .await
            .map_err(broken)?
            .map(drop)
            .ok_or(StatusCode::NOT_FOUND)
    }
}

async fn connect(database: &str) -> Result<Connection> {
    let (client, driver) = tokio_postgres::connect(database, NoTls)
        .await
        .context("the ceiling can't connect to the database")?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            eprintln!("a connection broke: {error}");
        }
    });
    Ok(Connection {
        login: client.prepare(sql::LOGIN).await?,
        advance: client.prepare(sql::ADVANCE).await?,
        insert: client.prepare(sql::INSERT).await?,
        mark_read: client.prepare(sql::MARK_READ).await?,
        seat: client.prepare(sql::SEAT).await?,
        newest: client.prepare(sql::NEWEST).await?,
        people: client.prepare(sql::PEOPLE).await?,
        missed: client.prepare(sql::MISSED).await?,
        client,
    })
}
