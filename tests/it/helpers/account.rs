//! People who sign in and out.

use serde_json::{Value, json};

use super::{Answer, Person, TestApp};

impl Person {
    /// Opens an account with this whole input.
    pub async fn register_with(&self, input: Value) -> Answer {
        self.ask(
            "mutation ($input: RegisterInput!) {
                register(input: $input) { accessToken refreshToken user { username email displayName } }
            }",
            json!({ "input": input }),
        )
        .await
    }

    /// Signs in by name or address.
    pub async fn log_in(&self, name: &str, password: &str) -> Answer {
        Answer(serde_json::from_str(&self.log_in_for_text(name, password).await).unwrap())
    }

    /// Signs in by name or address; the answer as it came.
    pub async fn log_in_for_text(&self, name: &str, password: &str) -> String {
        self.ask_for_text(
            "mutation ($input: LoginInput!) {
                login(input: $input) { accessToken refreshToken user { username } }
            }",
            json!({ "input": {"username": name, "password": password} }),
        )
        .await
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.ask(
            "mutation ($token: String!) {
                refresh(refreshToken: $token) { accessToken refreshToken user { username } }
            }",
            json!({ "token": token }),
        )
        .await
    }

    /// Signs out this device, or all devices.
    pub async fn log_out(&self, everywhere: bool) {
        let answer = self
            .ask(
                "mutation ($everywhere: Boolean!) { logout(everywhere: $everywhere) }",
                json!({ "everywhere": everywhere }),
            )
            .await;
        assert_eq!(answer.data()["logout"], true);
    }

    /// Asks for another password.
    pub async fn change_password(&self, current: &str, new: &str) -> Answer {
        self.ask(
            "mutation ($current: String!, $new: String!) {
                changePassword(current: $current, new: $new) { accessToken refreshToken }
            }",
            json!({"current": current, "new": new}),
        )
        .await
    }

    /// Asks that the account be deleted.
    pub async fn delete_account(&self, password: &str) -> Answer {
        self.ask(
            "mutation ($password: String!) { deleteAccount(password: $password) }",
            json!({ "password": password }),
        )
        .await
    }

    /// Asks who the server takes this client for.
    pub async fn me(&self) -> Answer {
        self.ask("{ me { username email } }", json!({})).await
    }
}

impl TestApp {
    /// Ends the time in which a used refresh token still gives its successor, behind the API.
    pub async fn db_end_refresh_grace(&self) {
        self.database()
            .execute("update refresh_tokens set used_at = used_at - interval '11 seconds'")
            .await;
    }
}
