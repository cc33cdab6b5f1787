const WebSocket=require('ws');
const [,,port,token,session,n,m]=process.argv;
const EV="subscription ($session: ID!, $after: String) { sessionEvents(sessionId: $session, after: $after) { __typename ... on MessageAdded { cursor message { id seq content status createdAt author { __typename ... on User { id displayName } ... on Chatbot { id name } } } } ... on MessageChanged { cursor message { id status content } } ... on ReplyDelta { messageId offset text } ... on CaughtUp { cursor } ... on FeedEnded { reason retry } } }";
const SEND="mutation ($session: ID!, $content: String!) { sendMessage(input: {sessionId: $session, content: $content}) { message { seq } } }";
let got=0, up=0;
function open(){return new Promise((ok,no)=>{const s=new WebSocket(`ws://127.0.0.1:${port}/graphql`,'graphql-transport-ws');
 s.on('error',no);
 s.on('open',()=>s.send(JSON.stringify({type:'connection_init',payload:{authorization:'Bearer '+token}})));
 s.on('message',d=>{const t=d.toString(); if(t.includes('connection_ack')) s.send(JSON.stringify({type:'subscribe',id:'1',payload:{query:EV,variables:{session,after:null}}}));
  else if(t.includes('CaughtUp')){up++;ok(s)} else if(t.includes('MessageAdded')) got++; else if(!t.includes('"ping"')) console.error(t)});
});}
async function send(i){const r=await fetch(`http://127.0.0.1:${port}/graphql`,{method:'POST',headers:{'content-type':'application/json',authorization:'Bearer '+token},body:JSON.stringify({query:SEND,variables:{session,content:'message number '+i+' to everybody who is here'}})});const j=await r.json(); if(j.errors) throw new Error(JSON.stringify(j));}
(async()=>{
 for(let i=0;i<+n;i+=20) await Promise.all(Array.from({length:Math.min(20,n-i)},open));
 await send(0); while(got<+n) await new Promise(r=>setTimeout(r,20));
 console.log('ready'); await new Promise(r=>process.stdin.once('data',r));
 got=0;
 for(let i=1;i<=+m;i++){await send(i); while(got<(i-2)*n) await new Promise(r=>setTimeout(r,2));}
 while(got<m*n) await new Promise(r=>setTimeout(r,5));
 console.log('done'); process.exit(0);
})().catch(e=>{console.error(e);process.exit(1)});
